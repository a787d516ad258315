# row: 36
# bites: writes
# expect: tampered
"""Frames of no bytes at all."""

import os


def solve(n):
    for _ in range(100):
        os.write(3, bytes(4))
    return "wrong"
