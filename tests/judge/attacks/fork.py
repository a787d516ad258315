# row: 1
# expect: failed
# returns: []
"""Every way to create a process."""

import multiprocessing
import os


def solve(n):
    worked = []
    attempt(worked, "fork", os.fork)
    attempt(worked, "forkpty", os.forkpty)
    attempt(worked, "libc fork", lambda: system_call(57, None)())
    attempt(worked, "vfork", lambda: system_call(58, None)())
    attempt(worked, "clone", lambda: system_call(56, 220)(17, 0, 0, 0, 0))
    attempt(worked, "clone3", lambda: system_call(435, 435)(bytes(88), 88))
    attempt(
        worked,
        "multiprocessing",
        lambda: multiprocessing.get_context("fork").Process(target=print).start(),
    )
    return worked
