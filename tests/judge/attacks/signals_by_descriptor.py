# row: 20
# expect: failed
# returns: []
"""Signals that the kernel sends for a descriptor, to whoever is named as its owner."""

import fcntl
import os
import socket

SETOWN, SETSIG, SETOWN_EX, NOTIFY, LEASE = 8, 10, 15, 1026, 1024


def attempt(worked, name, *arguments):
    try:
        fcntl.fcntl(*arguments)
    except OSError:
        return
    worked.append(name)


def solve(n):
    worked = []
    mine, other = socket.socketpair()
    folder = os.open(os.path.dirname(os.__file__), os.O_RDONLY)
    attempt(worked, "owner", mine, SETOWN, os.getppid())
    attempt(worked, "thread", mine, SETOWN_EX, bytes(4) + os.getppid().to_bytes(4, "little"))
    attempt(worked, "signal", mine, SETSIG, 9)
    attempt(worked, "folder", folder, NOTIFY, 2)
    attempt(worked, "lease", os.open(os.__file__, os.O_RDONLY), LEASE, 0)
    fcntl.fcntl(mine, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    other.send(b"x")
    return worked
