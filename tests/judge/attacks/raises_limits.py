# row: 33
# expect: failed
# returns: []
"""Limits changed, up or down."""

import os
import resource


def more(kind):
    """All that there may be of one kind."""
    most = resource.getrlimit(kind)[1]
    return lambda: resource.setrlimit(kind, (most, most))


def solve(n):
    worked = []
    for name in ("AS", "CPU", "FSIZE", "NPROC", "NOFILE", "CORE"):
        attempt(worked, name, more(getattr(resource, f"RLIMIT_{name}")))
    attempt(worked, "lower", lambda: resource.setrlimit(resource.RLIMIT_CPU, (1, 1)))
    attempt(worked, "other", lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0)))
    attempt(worked, "raw", lambda: system_call(160, 164)(0, (1).to_bytes(8, "little") * 2))
    return worked
