# row: 35
# bites: unsendable
# expect: output
"""A generator without end."""


def numbers(n):
    while True:
        yield n
        n += 1


def solve(n):
    return numbers(n)
