# row: 12
# bites: grows
# expect: left error memory timeout
# seconds: 1
"""Recursion past the end of the stack."""

import sys

sys.setrecursionlimit(10**7)


def solve(n):
    return solve(n + 1)
