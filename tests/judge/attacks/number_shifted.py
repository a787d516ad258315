# row: 5
# bites: grows
# seconds: 2
# tamed: 40 << 30 => 3200 << 20
# expect: memory timeout
"""A number of five gigabytes."""


def solve(n):
    return (1 << (40 << 30)).bit_length()
