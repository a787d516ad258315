# row: 34 29
# bites: remains
# expect: failed
"""Objects of the kernel by name: memory, locks, keys, sockets."""

import fcntl
import os
import socket
from multiprocessing import shared_memory

KEY = 0x6C617468


def solve(n):
    held = []
    attempt(held, "shm", lambda: system_call(29, 194)(KEY, 4096, 0o1666))
    attempt(held, "sem", lambda: system_call(64, 190)(KEY, 1, 0o1666))
    attempt(held, "memory", lambda: shared_memory.SharedMemory("lathe", create=True, size=64))
    attempt(held, "key", lambda: system_call(248, 217)(b"user", b"lathe", b"x", 1, -4))
    attempt(held, "socket", lambda: socket.socket(socket.AF_UNIX).bind("\0lathe"))
    return "wrong"


def found(n):
    there = []
    attempt(there, "shm", lambda: system_call(29, 194)(KEY, 0, 0))
    attempt(there, "sem", lambda: system_call(64, 190)(KEY, 0, 0))
    attempt(there, "memory", lambda: shared_memory.SharedMemory("lathe"))
    attempt(there, "key", lambda: system_call(250, 219)(10, -4, b"user", b"lathe", 0))
    attempt(there, "socket", lambda: socket.socket(socket.AF_UNIX).connect("\0lathe"))
    attempt(there, "lock", lambda: fcntl.flock(os.open(os.__file__, os.O_RDONLY), 6))
    return there
