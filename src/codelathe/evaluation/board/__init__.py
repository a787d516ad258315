"""The board: scores of many models side by side, in a terminal and as one page.

Rows come from result files of runs, from other harnesses' files, and from published tables.
Rows of unlike protocols stand in groups of their own and are never ranked together.
"""
