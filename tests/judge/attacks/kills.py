# row: 20
# expect: failed
# returns: []
"""Signals to everything in reach."""

import os
import signal


def solve(n):
    worked = []
    attempt(worked, "first", lambda: os.kill(1, 9))
    attempt(worked, "all", lambda: os.kill(-1, 9))
    attempt(worked, "parent", lambda: os.kill(os.getppid(), 9))
    attempt(worked, "group", lambda: os.killpg(0, 9))
    attempt(worked, "self", lambda: os.kill(os.getpid(), 9))
    attempt(worked, "thread", lambda: system_call(234, 131)(1, 1, 9))
    attempt(worked, "thread alone", lambda: system_call(200, 130)(1, 9))
    attempt(
        worked, "queue", lambda: system_call(129, 138)(1, 9, bytes(8) + b"\xff" * 4 + bytes(116))
    )
    attempt(worked, "descriptor", lambda: signal.pidfd_send_signal(os.pidfd_open(1), 9))
    return worked
