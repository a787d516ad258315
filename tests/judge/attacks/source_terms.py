# row: 37
# made: yes
# expect: error memory left timeout
"""An expression of a million terms."""

SOURCE = "x = " + "+".join(["1"] * 1_000_000) + "\ndef solve(n):\n    return 'wrong'\n"
