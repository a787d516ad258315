# row: 25
# returns: []
# unshown: own
# expect: failed
"""Modules left for the interpreter's next start."""

import os
import sys


def solve(n):
    worked = []
    library = os.path.dirname(os.__file__)
    attempt(worked, "cache", lambda: open(f"{library}/__pycache__/os.pyc", "wb"))
    attempt(worked, "customize", lambda: open(f"{library}/usercustomize.py", "w"))
    attempt(worked, "path", lambda: open(f"{library}/x.pth", "w"))
    attempt(worked, "zip", lambda: open(f"{library}.zip", "w"))
    attempt(worked, "own", lambda: open(sys.executable or "/usr/bin/python3", "r+b"))
    attempt(worked, "site", lambda: os.makedirs("/home/someone/.local/lib/python"))
    return worked
