# row: 36
# returns: []
# expect: failed left
"""Descriptors sent out through the channel."""

import os
import socket


def solve(n):
    worked = []
    attempt(worked, "send", lambda: socket.send_fds(socket.socket(fileno=os.dup(3)), [b"\n"], [0]))
    attempt(worked, "receive", lambda: socket.recv_fds(socket.socket(fileno=os.dup(3)), 1, 1))
    return worked
