# row: 37
# made: yes
# seconds: 10
# expect: failed timeout memory error
"""Ten megabytes of source."""

SOURCE = (
    ("# " + "x" * 997 + "\n") * 10_000 + "x = 1\n" * 10_000 + "def solve(n):\n    return 'wrong'\n"
)
