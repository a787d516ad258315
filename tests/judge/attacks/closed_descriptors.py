# row: 36
# bites: ends
# expect: left
"""All descriptors closed."""

import os


def solve(n):
    os.closerange(0, 64)
    return "wrong"
