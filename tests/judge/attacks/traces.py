# expect: failed
# returns: []
"""Other processes' memory and state."""

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
    attempt(worked, "traceme", lambda: system_call(101, 117)(0, 0, 0, 0))
    attempt(worked, "attach", lambda: system_call(101, 117)(16, os.getppid(), 0, 0))
    attempt(
        worked, "read", lambda: system_call(310, 270)(os.getppid(), bytes(16), 1, bytes(16), 1, 0)
    )
    attempt(
        worked, "write", lambda: system_call(311, 271)(os.getppid(), bytes(16), 1, bytes(16), 1, 0)
    )
    attempt(worked, "pidfd", lambda: os.pidfd_open(os.getppid()))
    attempt(worked, "kcmp", lambda: system_call(312, 272)(1, 1, 0, 0, 0))
    attempt(worked, "perf", lambda: system_call(298, 241)(bytes(128), 0, -1, -1, 0))
    attempt(worked, "userfaultfd", lambda: system_call(323, 282)(0))
    attempt(worked, "bpf", lambda: system_call(321, 280)(0, bytes(64), 64))
    attempt(worked, "madvise", lambda: system_call(440, 440)(3, bytes(16), 1, 4, 0))
    return worked
