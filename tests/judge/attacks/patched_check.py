# row: 16
# bites: passes
# expect: failed
"""The code of the test, replaced by that of a function which does nothing."""

import sys


def nothing(candidate):
    return None


def watch(frame, event, argument):
    if "check" in frame.f_globals:
        frame.f_globals["check"].__code__ = nothing.__code__
    return watch


sys.settrace(watch)
sys._getframe().f_trace = watch


def solve(n):
    return "wrong"
