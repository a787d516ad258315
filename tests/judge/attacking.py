"""What attacks share that try many things. Its text is put before theirs."""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def word(value):
    """An argument of the kernel's width: the sixth lies on the stack."""
    return ctypes.c_long(value) if isinstance(value, int) else value


def system_call(*numbers):
    """The call of this number: x86_64, then aarch64."""
    nr = numbers[0] if os.uname().machine == "x86_64" else numbers[1]

    def made(*args):
        if nr is None or libc.syscall(*map(word, (nr, *args))) == -1:
            raise OSError(ctypes.get_errno(), "refused")

    return made


def attempt(worked, name, action):
    """Note what works."""
    try:
        action()
    except BaseException:  # noqa: BLE001 -- whatever refuses it, it did not work
        return
    worked.append(name)
