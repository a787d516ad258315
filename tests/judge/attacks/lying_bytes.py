# row: 13
# bites: passes
# expect: failed
"""A bytes that calls itself equal to anything."""


class Liar(bytes):
    __class__ = bytes

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = None


def solve(n):
    return Liar(b"7")
