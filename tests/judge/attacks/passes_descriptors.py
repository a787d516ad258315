# returns: []
# expect: failed left
"""Descriptors sent out through the channel."""

import os
import socket


def attempt(worked, name, action):
    try:
        action()
    except BaseException:
        return
    worked.append(name)


def solve(n):
    worked = []
    attempt(worked, "send", lambda: socket.send_fds(socket.socket(fileno=os.dup(3)), [b"x"], [0]))
    attempt(worked, "receive", lambda: socket.recv_fds(socket.socket(fileno=os.dup(3)), 1, 1))
    return worked
