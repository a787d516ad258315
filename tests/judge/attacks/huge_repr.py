# row: 35
# bites: large
# tamed: 200 << 20 => 1 << 20
# expect: failed output
"""An answer that takes a gigabyte to show."""


class Long(int):
    def __repr__(self):
        return "x" * (200 << 20)

    __str__ = __repr__


def solve(n):
    return Long(1)
