# row: 6
# bites: loops
# expect: timeout
# seconds: 0.25
"""A loop in C, which no signal handler can interrupt."""

import re


def solve(n):
    return re.match(r"(a+)+$", "a" * 40 + "b")
