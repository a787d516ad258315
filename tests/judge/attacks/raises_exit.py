# row: 12
# bites: fails
# expect: error
"""An exception that is no Exception."""


def solve(n):
    raise SystemExit(0)
