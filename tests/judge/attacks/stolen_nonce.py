# row: 17
# bites: nothing
# because: made for this judge's own runner; that it bites is shown with a guard taken out
# expect: failed tampered
"""The answer's own nonce, found by walking frames, on a second answer."""

import json
import os
import sys


def solve(n):
    frame = sys._getframe()
    while frame is not None:
        for value in frame.f_locals.values():
            nonce = getattr(value, "nonce", None)
            if nonce:
                body = json.dumps([nonce, 1, "value", "wrong"]).encode()
                os.write(3, len(body).to_bytes(4, "big") + body)
                return "answer-2"
        frame = frame.f_back
    return "no nonce found"
