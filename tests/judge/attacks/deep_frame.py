# row: 36
# bites: writes
# expect: tampered
"""A frame nested so deep that a careless parser falls over."""

import os


def solve(n):
    body = b"[" * 50_000
    os.write(3, len(body).to_bytes(4, "big") + body)
    return "wrong"
