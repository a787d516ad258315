# row: 5
# bites: loops
# seconds: 0.25
# expect: timeout memory
"""A power that takes the age of the universe, in one operation."""


def solve(n):
    return 10**10**9
