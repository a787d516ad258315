# row: 36 17
# bites: nothing
# because: made for this judge's own runner; that it bites is shown with a guard taken out
# expect: tampered
"""The right answer, forged well, and the wrong one at once behind it."""

import json
import os
import sys


def solve(n):
    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()):
            word = getattr(value, "nonce", None)
            if word:
                frames = b""
                for number, answer in enumerate((f"answer-{n}", "wrong"), 1):
                    body = json.dumps([word, number, "value", answer]).encode()
                    frames += len(body).to_bytes(4, "big") + body
                os.write(3, frames)
                return "wrong"
        frame = frame.f_back
    return "wrong"
