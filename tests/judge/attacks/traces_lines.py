# row: 15
# bites: passes
# expect: failed
"""A tracer that jumps over every assertion."""

import sys


def tracer(frame, event, argument):
    if frame.f_code.co_name == "check" and event == "line":
        try:
            frame.f_lineno = max(line for *_, line in frame.f_code.co_lines() if line)
        except ValueError:
            pass
    return tracer


sys.settrace(tracer)


def solve(n):
    return "wrong"
