# row: 37
# made: yes
# expect: error
"""A thousand blocks in each other."""

SOURCE = "".join(" " * i + "if 1:\n" for i in range(1000)) + " " * 1000 + "pass\n"
