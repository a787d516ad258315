# row: 12
# bites: ends
# expect: left
"""A crash in C."""

import ctypes


def solve(n):
    return ctypes.string_at(0)
