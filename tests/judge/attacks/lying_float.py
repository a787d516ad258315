# row: 13
# bites: passes
# expect: failed
"""A float that calls itself equal to anything."""


class Liar(float):
    __class__ = float

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = None


def solve(n):
    return Liar(7.0)
