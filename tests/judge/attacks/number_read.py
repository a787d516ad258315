# row: 5
# bites: hangs
# seconds: 0.25
# expect: timeout memory
"""A number whose reading takes quadratic time."""

import sys

sys.set_int_max_str_digits(0)


def solve(n):
    return int("9" * 10**7) % 7
