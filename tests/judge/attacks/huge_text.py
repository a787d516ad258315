# row: 35
# bites: large
# expect: output
"""A text that is too large to send."""


def solve(n):
    return "x" * (1 << 24)
