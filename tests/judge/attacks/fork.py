# expect: failed
# returns: []
"""Every way to create a process."""

import ctypes
import multiprocessing
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
