# row: 4
# tamed: 5 << 30 => 400 << 20
# bites: grows
# expect: memory
"""Five gigabytes at once."""


def solve(n):
    return len(bytearray(5 << 30))
