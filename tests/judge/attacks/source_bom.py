# row: 37
# made: yes
# expect: failed error
"""A byte order mark first."""

SOURCE = "\ufeff" + "def solve(n):\n    return 'wrong'\n"
