# expect: output
"""A number that is too large to send."""


def solve(n):
    return 1 << (1 << 24)
