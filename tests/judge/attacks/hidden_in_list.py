# row: 13
# bites: lies
# expect: failed
"""The lying value inside honest ones."""


class Yes:
    def __eq__(self, other):
        return True

    __hash__ = None


def solve(n):
    return [Yes()]
