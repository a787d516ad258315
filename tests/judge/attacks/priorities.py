# row: 22
# expect: failed
# returns: []
"""Scheduling of oneself and of the warden."""

import os


def solve(n):
    worked = []
    attempt(worked, "priority", lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 19))
    attempt(worked, "affinity", lambda: os.sched_setaffinity(os.getppid(), os.sched_getaffinity(0)))
    attempt(worked, "own affinity", lambda: os.sched_setaffinity(0, range(os.cpu_count())))
    attempt(
        worked, "scheduler", lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    )
    attempt(worked, "ioprio", lambda: system_call(251, 30)(1, 0, 0))
    attempt(worked, "session", os.setsid)
    attempt(worked, "group", lambda: os.setpgid(0, 0))
    return worked
