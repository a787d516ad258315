# row: 36
# bites: writes
# expect: tampered
"""A frame of four gigabytes, if one believes its length."""

import os


def solve(n):
    os.write(3, b"\xff\xff\xff\xff[")
    return "wrong"
