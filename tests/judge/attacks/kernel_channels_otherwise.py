# row: 29
# returns: []
# unshown: request, receive, ring, fanotify, accounting, modify
# expect: failed
"""More objects of the kernel that two candidates could meet at."""

import fcntl
import os


def solve(n):
    worked = []
    library = os.open(os.path.dirname(os.__file__), os.O_RDONLY)
    attempt(worked, "flock", lambda: fcntl.flock(library, fcntl.LOCK_EX))
    attempt(worked, "request", lambda: system_call(249, 218)(b"user", b"a", b"b", -3))
    attempt(worked, "attach", lambda: system_call(30, 196)(0, None, 0))
    attempt(worked, "receive", lambda: system_call(70, 188)(0, bytes(16), 8, 0, 0o4000))
    attempt(worked, "ring", lambda: system_call(426, 426)(0, 0, 0, 0, None, 0))
    attempt(worked, "aio", lambda: system_call(206, 0)(1, bytes(8)))
    attempt(worked, "fanotify", lambda: system_call(300, 262)(0, 0))
    attempt(worked, "accounting", lambda: system_call(163, 89)(b"x"))
    attempt(worked, "modify", lambda: system_call(175, 105)(b"x", 1, b""))
    return worked
