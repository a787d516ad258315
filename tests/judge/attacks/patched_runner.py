# row: 15
# bites: nothing
# because: made for this judge's own runner; that it bites is shown with a guard taken out
# expect: failed tampered
"""The code that sends answers, found and replaced."""

import sys


def solve(n):
    frame = sys._getframe()
    while frame is not None:
        if "codec" in frame.f_globals:
            codec = frame.f_globals["codec"]
            codec.encode = lambda *a, **k: True
            frame.f_globals["_answer"] = lambda *a, **k: ("passed", True)
        frame = frame.f_back
    return "wrong"
