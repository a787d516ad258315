# row: 13
# bites: passes
# expect: failed
"""An answer that calls itself equal to anything."""


class Yes:
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __bool__(self):
        return True

    __hash__ = None


def solve(n):
    return Yes()
