# expect: failed
# returns: []
"""Links out of the working folder."""

import os


def attempt(worked, name, action):
    try:
        action()
    except BaseException:
        return
    worked.append(name)


def solve(n):
    worked = []
    attempt(worked, "etc", lambda: (os.symlink("/etc", "e"), os.listdir("e")))
    attempt(worked, "root", lambda: (os.symlink("/../../home", "r"), os.listdir("r")))
    attempt(worked, "up", lambda: open("../../etc/passwd"))
    return worked
