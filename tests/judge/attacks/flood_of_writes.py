# row: 10
# bites: floods
# expect: timeout
# seconds: 0.25
"""Writing to the standard output's descriptor without end."""

import os


def solve(n):
    while True:
        os.write(1, b"x" * 1000)
