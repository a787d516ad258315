# row: 37
# made: yes
# expect: error
"""A NUL in the middle."""

SOURCE = "def solve(n):\n    return 'wrong'\n\0"
