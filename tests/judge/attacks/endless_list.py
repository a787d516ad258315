# row: 35
# bites: unsendable
# expect: output
"""A list that holds itself."""


def solve(n):
    endless = []
    endless.append(endless)
    return endless
