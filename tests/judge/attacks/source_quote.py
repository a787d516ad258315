# row: 37
# made: yes
# expect: error
"""A quote that is never closed, to swallow the test."""

SOURCE = 'def solve(n):\n    return \'wrong\'\n"""'
