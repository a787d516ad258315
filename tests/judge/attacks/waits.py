# row: 7 8
# bites: hangs
# seconds: 0.25
# expect: timeout
"""Waiting for what never comes, with every signal blocked."""

import signal
import threading


def solve(n):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    threading.Event().wait()
