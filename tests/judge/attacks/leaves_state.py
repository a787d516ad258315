# row: 34
# bites: leaves
# expect: failed
"""State of the process, the warden's included, left for the next one."""

import builtins
import gc
import os
import sys

NAME = "CODELATHE_LEFT"


def solve(n):
    builtins.left = sys.left = NAME
    sys.flags = None
    os.environ[NAME] = NAME
    os.umask(0)
    sys.path.insert(0, ".")
    for thing in gc.get_objects():
        if type(thing) is dict and "PRIO_PROCESS" in thing:
            thing["left"] = NAME
    with_file = os.access(".", os.W_OK)
    if with_file:
        open("left.py", "w").close()
    return "wrong"


def found(n):
    there = []
    if hasattr(builtins, "left") or hasattr(sys, "left") or hasattr(os, "left"):
        there.append("attributes")
    if sys.flags is None:
        there.append("flags")
    if NAME in os.environ:
        there.append("environment")
    if os.umask(0o77) != 0o77:
        there.append("umask")
    if "." in sys.path:
        there.append("path")
    attempt(there, "file", lambda: __import__("left"))
    return there
