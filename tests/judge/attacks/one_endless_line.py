# row: 10
# bites: floods
# tamed: 200 << 20 => 1 << 20
# expect: output memory
"""A single line of a gigabyte."""


def solve(n):
    print("x" * (200 << 20), end="")
    return "wrong"
