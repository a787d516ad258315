# expect: failed
# returns: []
"""Scheduling of oneself and of the warden."""

import ctypes
import os


def system_call(*numbers):
    """The number for this machine: x86_64, then aarch64."""
    nr = numbers[0] if os.uname().machine == "x86_64" else numbers[1]

    def made(*args):
        if nr is None or libc.syscall(nr, *args) == -1:
            raise OSError(ctypes.get_errno())

    return made


libc = ctypes.CDLL(None, use_errno=True)


def attempt(worked, name, action):
    try:
        action()
    except BaseException:
        return
    worked.append(name)


def solve(n):
    worked = []
    attempt(worked, "priority", lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 19))
    attempt(worked, "affinity", lambda: os.sched_setaffinity(os.getppid(), {0}))
    attempt(worked, "own affinity", lambda: os.sched_setaffinity(0, range(os.cpu_count())))
    attempt(
        worked, "scheduler", lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    )
    attempt(worked, "ioprio", lambda: system_call(251, 30)(1, 0, 0))
    attempt(worked, "session", os.setsid)
    attempt(worked, "group", lambda: os.setpgid(0, 0))
    return worked
