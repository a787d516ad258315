# expect: failed
# returns: []
"""Limits changed, up or down."""

import resource


def attempt(worked, name, action):
    try:
        action()
    except BaseException:
        return
    worked.append(name)


def solve(n):
    worked = []
    attempt(worked, "RLIMIT_AS", lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40)))
    attempt(
        worked, "RLIMIT_CPU", lambda: resource.setrlimit(resource.RLIMIT_CPU, (1 << 40, 1 << 40))
    )
    attempt(
        worked,
        "RLIMIT_FSIZE",
        lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 40, 1 << 40)),
    )
    attempt(
        worked,
        "RLIMIT_NPROC",
        lambda: resource.setrlimit(resource.RLIMIT_NPROC, (1 << 40, 1 << 40)),
    )
    attempt(
        worked,
        "RLIMIT_NOFILE",
        lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 40, 1 << 40)),
    )
    attempt(worked, "lower", lambda: resource.setrlimit(resource.RLIMIT_CPU, (1, 1)))
    attempt(worked, "other", lambda: resource.prlimit(1, resource.RLIMIT_AS, (1, 1)))
    return worked
