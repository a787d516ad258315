# row: 36
# bites: ends
# expect: left
"""The channel closed, and the process going on."""

import os
import time


def solve(n):
    os.close(3)
    time.sleep(1e9)
