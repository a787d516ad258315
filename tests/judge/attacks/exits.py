# expect: error
"""An exit that claims success."""

import sys


def solve(n):
    sys.exit(0)
