# row: 36
# bites: writes
# seconds: 0.25
# expect: timeout tampered
"""An answer one byte at a time."""

import os
import time


def solve(n):
    for byte in b"\0\0\x10\0" + b"[" * 4096:
        os.write(3, bytes([byte]))
        time.sleep(0.02)
    return "wrong"
