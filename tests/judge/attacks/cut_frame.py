# row: 36
# bites: ends writes
# expect: tampered
"""Half a frame, then the end."""

import os


def solve(n):
    os.write(3, b"\0\0\0\x20[")
    os._exit(0)
