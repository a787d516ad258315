# row: 9
# bites: hangs
# expect: timeout
# seconds: 0.25
"""A loop that swallows every exception."""


def solve(n):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
