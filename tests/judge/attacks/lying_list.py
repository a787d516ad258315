# row: 13
# bites: passes
# expect: failed
"""A list that calls itself equal to anything."""


class Liar(list):
    __class__ = list

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = None


def solve(n):
    return Liar([7])
