# row: 37
# made: yes
# expect: error
"""An await where there is nothing to await in."""

SOURCE = "import asyncio\nawait asyncio.sleep(0)\ndef solve(n):\n    return 'wrong'\n"
