# row: 10
# bites: floods
# expect: output
"""Printing without end."""


def solve(n):
    while True:
        print("x" * 1000)
