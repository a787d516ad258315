# row: 27
# bites: returns
# expect: failed
# returns: []
"""More files and more open files than there may be."""

import os


def solve(n):
    worked = []
    made = held = 0
    try:
        while made < 2000:
            open(f"f{made}", "w").close()
            made += 1
    except OSError:
        pass
    if made > 512:
        worked.append(f"{made} files")
    try:
        while held < 2000:
            os.dup(0)
            held += 1
    except OSError:
        pass
    if held > 64:
        worked.append(f"{held} open files")
    return worked
