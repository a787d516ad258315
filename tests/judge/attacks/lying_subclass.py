# row: 13
# bites: passes
# expect: failed
"""A text that calls itself equal to anything, and its class a plain one."""


class Text(str):
    __class__ = str

    def __eq__(self, other):
        return True

    def __hash__(self):
        return hash("answer-1")


def solve(n):
    return Text("wrong")
