# row: 11
# returns: []
# unshown: tty
# expect: failed
"""Standard input by its other names."""

import os
import sys


def solve(n):
    worked = []
    attempt(worked, "descriptor", lambda: 1 / len(os.read(0, 1)))
    attempt(worked, "stream", lambda: 1 / len(sys.stdin.buffer.read(1)))
    attempt(worked, "stdin", lambda: 1 / len(open("/dev/stdin").read(1)))
    attempt(worked, "fd", lambda: 1 / len(open("/dev/fd/0").read(1)))
    attempt(worked, "tty", lambda: open("/dev/tty"))
    return worked
