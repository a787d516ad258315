# row: 37
# made: yes
# seconds: 10
# expect: failed timeout memory error
"""Ten megabytes of source."""

SOURCE = "x = 1\n" * 1_700_000 + "def solve(n):\n    return 'wrong'\n"
