# row: 19
# bites: loops
# expect: timeout
# seconds: 0.25
"""Loops in many threads, to keep the warden from its processor."""

import threading


def spin():
    while True:
        pass


def solve(n):
    threading.stack_size(1 << 16)
    for _ in range(30):
        threading.Thread(target=spin).start()
    spin()
