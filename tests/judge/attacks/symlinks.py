# row: 26
# expect: failed
# returns: []
"""Links out of the working folder."""

import os


def solve(n):
    worked = []
    attempt(worked, "etc", lambda: (os.symlink("/etc", "e"), os.listdir("e")))
    attempt(worked, "root", lambda: (os.symlink("/../../home", "r"), os.listdir("r")))
    attempt(worked, "up", lambda: open("../../etc/passwd"))
    return worked
