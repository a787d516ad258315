# expect: failed
# returns: []
"""Signals to everything in reach."""

import ctypes
import os
import signal


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
    attempt(worked, "first", lambda: os.kill(1, 9))
    attempt(worked, "all", lambda: os.kill(-1, 9))
    attempt(worked, "parent", lambda: os.kill(os.getppid(), 9))
    attempt(worked, "group", lambda: os.killpg(0, 9))
    attempt(worked, "self", lambda: os.kill(os.getpid(), 9))
    attempt(worked, "thread", lambda: system_call(234, 131)(1, 1, 9))
    attempt(worked, "thread alone", lambda: system_call(200, 130)(1, 9))
    attempt(worked, "queue", lambda: system_call(129, 138)(1, 9, bytes(128)))
    attempt(worked, "descriptor", lambda: signal.pidfd_send_signal(os.pidfd_open(1), 9))
    return worked
