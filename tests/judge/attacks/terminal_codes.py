# row: 10
# bites: raw
# expect: failed
"""An answer that drives the terminal which shows it."""


def solve(n):
    return "\x1b]0;owned\x07\x1b[2J\x00\x9b31m\ud800\u202e\r\n" + '"}'
