# row: 23
# expect: failed
# returns: []
"""The environment of this process and of all others."""

import os


def solve(n):
    worked = []
    attempt(worked, "environ", lambda: 1 / len(os.environ))
    attempt(worked, "environb", lambda: 1 / len(os.environb))
    attempt(worked, "own", lambda: open("/proc/self/environ").read())
    attempt(worked, "first", lambda: open("/proc/1/environ").read())
    attempt(worked, "parent", lambda: open(f"/proc/{os.getppid()}/environ").read())
    return worked
