# expect: failed
# returns: []
"""Limits changed, up or down."""

import ctypes
import os
import resource


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
    attempt(worked, "raw", lambda: system_call(160, 164)(0, (1).to_bytes(8, "little") * 2))
    return worked
