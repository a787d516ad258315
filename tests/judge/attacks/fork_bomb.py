# row: 1
# returns: []
# bites: returns
# tamed: 1 << 30 => 5
# expect: failed
"""Process upon process, as fast as it goes."""

import os


def solve(n):
    made = 0
    for _ in range(1 << 30):
        try:
            if os.fork() == 0:
                os._exit(0)
        except OSError:
            break
        made += 1
    return ["forked"] if made else []
