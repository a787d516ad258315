# row: 35
# bites: unshowable
# expect: error
"""An exception that does not let itself be shown."""


class Hostile(Exception):
    def __str__(self):
        raise self

    __repr__ = __str__


def solve(n):
    raise Hostile
