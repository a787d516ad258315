# expect: error
"""Standard input, of which there is none."""


def solve(n):
    return input()
