# row: 11
# bites: lives
# expect: error
"""Standard input, of which there is none."""


def solve(n):
    return input()
