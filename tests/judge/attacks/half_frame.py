# row: 36
# bites: writes
# expect: timeout tampered
# seconds: 0.25
"""Half a frame, then silence."""

import os
import time


def solve(n):
    os.write(3, b"\0\0\0\x20[")
    while True:
        time.sleep(1)
