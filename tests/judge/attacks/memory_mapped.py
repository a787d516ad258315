# row: 4
# tamed: 5 << 30 => 400 << 20
# bites: returns
# expect: failed
# returns: []
"""Memory mapped, shared and nameless, past the limit."""

import mmap
import os


def solve(n):
    worked = []
    try:
        worked.append(len(mmap.mmap(-1, 5 << 30)))
    except (OSError, MemoryError):
        pass
    try:
        worked.append(os.memfd_create("x"))
    except OSError:
        pass
    return worked
