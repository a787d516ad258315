# row: 26 34
# bites: leaves
# expect: failed
"""A thousand folders in each other, closed, with names that are no text."""

import os


def solve(n):
    try:
        for _ in range(1000):
            os.mkdir(b"\xff" * 100)
            os.chdir(b"\xff" * 100)
    except OSError:
        pass
    try:
        os.chmod(".", 0)
    except OSError:
        pass
    return "wrong"
