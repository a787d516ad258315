# row: 15
# bites: passes
# expect: failed
"""The test, replaced by one that asks nothing as soon as it is there."""

import sys


def watch(frame, event, argument):
    if "check" in frame.f_globals:
        frame.f_globals["check"] = lambda candidate: None
    return watch


sys.settrace(watch)
sys._getframe().f_trace = watch


def solve(n):
    return "wrong"
