# row: 7
# bites: loops
# expect: timeout
# seconds: 0.25
"""Sleep."""

import time


def solve(n):
    time.sleep(1e9)
