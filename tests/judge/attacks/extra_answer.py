# row: 36
# bites: writes
# expect: tampered
"""More answers than questions, sent while the first is on its way."""

import os
import threading
import time


def late():
    while True:
        os.write(3, b"\0\0\0\2[]")
        time.sleep(0)


threading.Thread(target=late, daemon=True).start()


def solve(n):
    time.sleep(0.05)
    return "wrong"
