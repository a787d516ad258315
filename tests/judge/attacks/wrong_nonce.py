# row: 36 17
# bites: writes
# expect: tampered
"""The right answer in a frame of the right number, without the word of this run."""

import json
import os


def solve(n):
    body = json.dumps(["0" * 16, 1, "value", f"answer-{n}"]).encode()
    os.write(3, len(body).to_bytes(4, "big") + body)
    return "wrong"
