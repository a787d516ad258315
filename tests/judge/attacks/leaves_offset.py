# row: 34
# bites: remains
# expect: failed
"""A message in the position of a file that all candidates share."""

import os


def solve(n):
    for fd in range(3):
        try:
            os.set_blocking(fd, False)
            os.lseek(fd, 12345, os.SEEK_SET)
        except OSError:
            pass
    return "wrong"


def found(n):
    there = []
    for fd in range(3):
        try:
            if os.lseek(fd, 0, os.SEEK_CUR) == 12345:
                there.append(f"position of {fd}")
        except OSError:
            pass
        try:
            if not os.get_blocking(fd):
                there.append(f"flags of {fd}")
        except OSError:
            pass
    return there
