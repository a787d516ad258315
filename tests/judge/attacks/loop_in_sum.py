# row: 6
# bites: hangs
# seconds: 0.25
# expect: timeout
"""A sum in C, deaf to signals."""

import itertools


def solve(n):
    return sum(itertools.repeat(0))
