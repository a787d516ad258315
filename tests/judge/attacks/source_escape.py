# row: 37
# made: yes
# expect: failed
"""A comment that another encoding would make code of."""

SOURCE = (
    "# -*- coding: unicode_escape -*-\n# \\x0aimport os; os._exit(0)\n"
    + "def solve(n):\n    return 'wrong'\n"
)
