# row: 10
# bites: floods hangs
# expect: output timeout
# seconds: 0.25
"""Printing without end, whatever is said against it."""


def solve(n):
    while True:
        try:
            print("x" * 1000)
        except BaseException:
            pass
