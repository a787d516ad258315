# row: 21
# unshown: perf, bpf
# expect: failed
# returns: []
"""Other processes' memory and state."""

import os


def solve(n):
    worked = []
    attempt(worked, "traceme", lambda: system_call(101, 117)(0, 0, 0, 0))
    attempt(worked, "attach", lambda: system_call(101, 117)(16, os.getppid(), 0, 0))
    attempt(
        worked, "read", lambda: system_call(310, 270)(os.getppid(), bytes(16), 1, bytes(16), 1, 0)
    )
    attempt(
        worked, "write", lambda: system_call(311, 271)(os.getppid(), bytes(16), 1, bytes(16), 1, 0)
    )
    attempt(worked, "pidfd", lambda: os.pidfd_open(os.getppid()))
    attempt(worked, "kcmp", lambda: system_call(312, 272)(os.getpid(), os.getpid(), 0, 0, 0))
    attempt(worked, "perf", lambda: system_call(298, 241)(bytes(128), 0, -1, -1, 0))
    attempt(worked, "userfaultfd", lambda: system_call(323, 282)(1))
    attempt(worked, "bpf", lambda: system_call(321, 280)(0, bytes(64), 64))
    attempt(
        worked,
        "madvise",
        lambda: system_call(440, 440)(os.pidfd_open(os.getpid()), bytes(16), 1, 4, 0),
    )
    return worked
