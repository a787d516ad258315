# row: 34
# bites: leaves
# expect: failed
"""Files and a folder that cannot be listed, left for the next one."""

import os


def solve(n):
    try:
        os.mkdir("d", 0)
        open("f", "w").close()
        open("\udcff", "w").close()
    except OSError:
        pass
    return "wrong"
