# row: 4
# bites: grows
# tamed: 10**11 => (400 << 20)
# expect: memory
"""A hundred gigabytes of text."""


def solve(n):
    return len("x" * 10**11)
