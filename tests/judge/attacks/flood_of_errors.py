# row: 10
# bites: floods
# seconds: 0.25
# expect: timeout
"""Standard error without end."""

import os


def solve(n):
    while True:
        os.write(2, b"x" * 1000)
