# row: 20
# returns: []
# expect: failed
"""Timers and death signals that the kernel would send elsewhere."""

import os


def event(thread):
    """SIGEV_THREAD_ID with SIGKILL, to a thread of another process."""
    return (
        bytes(8)
        + (9).to_bytes(4, "little")
        + (4).to_bytes(4, "little")
        + (thread.to_bytes(4, "little") + bytes(44))
    )


def solve(n):
    worked = []
    attempt(worked, "timer", lambda: system_call(222, 107)(1, event(os.getpid()), bytes(8)))
    attempt(worked, "death signal", lambda: system_call(157, 167)(1, 9, 0, 0, 0))
    attempt(worked, "subreaper", lambda: system_call(157, 167)(36, 1, 0, 0, 0))
    attempt(
        worked,
        "queue to a thread",
        lambda: system_call(297, 240)(1, 1, 9, bytes(8) + b"\xff" * 4 + bytes(116)),
    )
    attempt(worked, "signal by number", lambda: system_call(62, 129)(-1, 0))
    return worked
