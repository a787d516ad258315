# row: 35
# tamed: 1 << 24 => 1 << 22
# bites: large
# expect: output
"""A number that is too large to send."""


def solve(n):
    return 1 << (1 << 24)
