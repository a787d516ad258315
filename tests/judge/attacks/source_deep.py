# row: 37
# made: yes
# expect: error memory left
"""A hundred thousand brackets."""

SOURCE = "def solve(n):\n    return 'wrong'\nx = " + "(" * 100_000 + ")" * 100_000
