# expect: memory
"""Five gigabytes at once."""


def solve(n):
    return len(bytearray(5 << 30))
