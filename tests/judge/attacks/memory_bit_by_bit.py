# row: 4
# bites: grows
# expect: memory
"""Memory until there is none."""


def solve(n):
    kept = []
    while True:
        kept.append(bytearray(1 << 20))
