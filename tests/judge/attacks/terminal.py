# row: 40
# unshown: push, paste
# expect: failed
# returns: []
"""The terminal that a program was started from, or one of its own."""

import fcntl
import os


def on_any(request, *argument):
    """Ask it of every terminal there may be."""

    def asked():
        held = [0, 1, 2]
        try:
            os.setsid()
            held.append(os.open(os.ttyname(os.openpty()[1]), os.O_RDWR | os.O_NOCTTY))
        except OSError:
            pass
        for fd in held:
            try:
                return fcntl.ioctl(fd, request, *argument)
            except OSError as error:
                last = error
        raise last

    return asked


def solve(n):
    worked = []
    attempt(worked, "own", os.openpty)
    attempt(worked, "push", on_any(0x5412, b"x"))
    attempt(worked, "paste", on_any(0x541C, b"\3"))
    attempt(worked, "take", on_any(0x540E, 0))
    attempt(worked, "size", on_any(0x5414, bytes(8)))
    attempt(worked, "modes", on_any(0x5402, bytes(60)))
    return worked
