# row: 15
# bites: nothing
# because: since Python 3.9 an assert does not look the name up
# expect: failed
"""AssertionError made to be no error."""

import builtins
import sys

builtins.AssertionError = SystemExit
sys.excepthook = sys.unraisablehook = lambda *told: None


def solve(n):
    return "wrong"
