# row: 17
# bites: writes ends
# expect: tampered left
"""A forged answer on every descriptor, then a clean exit."""

import json
import os


def solve(n):
    for body in (b"P", json.dumps(["", 1, "value", "answer-1"]).encode()):
        for fd in range(64):
            try:
                os.write(fd, len(body).to_bytes(4, "big") + body)
            except OSError:
                pass
    os._exit(0)
