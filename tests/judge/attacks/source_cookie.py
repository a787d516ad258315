# row: 37
# made: yes
# expect: failed
"""A coding cookie that would turn the text into other code."""

SOURCE = "# -*- coding: rot13 -*-\n" + "def solve(n):\n    return 'wrong'\n"
