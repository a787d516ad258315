# row: 3
# returns: []
# bites: returns
# expect: failed
"""A grandchild in a session of its own, to write after the verdict."""

import os
import time


def solve(n):
    try:
        if os.fork():
            time.sleep(0.05)
            return os.listdir(".")
    except OSError:
        return []
    os.setsid()
    if os.fork() == 0:
        open("late", "w").close()
    os._exit(0)
