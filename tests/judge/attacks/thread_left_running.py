# row: 19
# bites: lives
# expect: failed
"""A thread that goes on after the answer."""

import threading


def spin():
    while True:
        pass


def solve(n):
    threading.Thread(target=spin).start()
    return "wrong"
