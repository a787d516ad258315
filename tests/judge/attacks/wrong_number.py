# row: 36 17
# bites: nothing
# because: made for this judge's own runner; that it bites is shown with a guard taken out
# expect: tampered
"""The right answer under this run's word, out of turn."""

import json
import os
import sys


def solve(n):
    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()):
            word = getattr(value, "nonce", None)
            if word:
                body = json.dumps([word, 7, "value", f"answer-{n}"]).encode()
                os.write(3, len(body).to_bytes(4, "big") + body)
        frame = frame.f_back
    return "wrong"
