# row: 27
# returns: []
# bites: returns
# expect: failed
"""The kernel's memory, filled by way of pipes, queues and timers."""

import os
import socket


def fill(fd):
    os.set_blocking(fd, False)
    total = 0
    try:
        while True:
            total += os.write(fd, bytes(1 << 16))
    except OSError:
        return total


def solve(n):
    kept = []
    total = 0
    try:
        while total <= 16 << 20:
            kept.append(os.pipe())
            total += fill(kept[-1][1])
            kept.append(socket.socketpair())
            total += fill(kept[-1][0].fileno())
    except OSError:
        pass
    return ["too much"] if total > (16 << 20) else []
