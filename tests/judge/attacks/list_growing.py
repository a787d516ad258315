# row: 4
# bites: grows
# expect: memory
"""A list that doubles."""


def solve(n):
    kept = [0] * (1 << 20)
    while True:
        kept += kept
