# row: 12
# bites: ends
# expect: left
"""An abort."""

import os


def solve(n):
    os.abort()
