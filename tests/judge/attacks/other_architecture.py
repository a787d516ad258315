# row: 31
# bites: lives
# expect: left
"""A call by another architecture's number."""

import ctypes
import os


def solve(n):
    if os.uname().machine != "x86_64":
        os._exit(0)
    ctypes.CDLL(None).syscall(0x40000000 | 39)
    return "wrong"
