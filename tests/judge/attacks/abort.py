# expect: left
"""An abort."""

import os


def solve(n):
    os.abort()
