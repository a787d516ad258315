# row: 37
# made: yes
# expect: error
"""Text that no encoding can hold."""

SOURCE = "def solve(n):\n    return '\ud800'\n"
