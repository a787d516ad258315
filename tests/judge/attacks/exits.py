# row: 12
# bites: fails
# expect: error
"""An exit that claims success."""

import sys


def solve(n):
    sys.exit(0)
