# row: 37
# made: yes
# expect: failed
"""Form feeds, tabs and carriage returns."""

SOURCE = "\x0cdef solve(n):\r\n\treturn 'wrong'\r\n"
