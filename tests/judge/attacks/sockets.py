# row: 28
# unshown: AF_ALG, connect, pair
# expect: failed
# returns: []
"""Every kind of socket but a pair of one's own."""

import socket


def not_refused(family):
    """Whether a pair fails for another reason than being forbidden."""
    try:
        socket.socketpair(family)
    except PermissionError:
        raise
    except OSError:
        pass


def solve(n):
    worked = []
    attempt(worked, "AF_INET", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    attempt(worked, "AF_INET", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    attempt(worked, "AF_INET6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM))
    attempt(worked, "AF_UNIX", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    attempt(worked, "AF_NETLINK", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
    attempt(worked, "AF_PACKET", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    attempt(worked, "AF_VSOCK", lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM))
    attempt(worked, "AF_ALG", lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET))
    attempt(worked, "name", lambda: socket.getaddrinfo("localhost", 80))
    attempt(worked, "connect", lambda: socket.create_connection(("127.0.0.1", 80)))
    attempt(worked, "pair", lambda: socket.socketpair(socket.AF_INET))
    attempt(worked, "pair of a family to be loaded", lambda: not_refused(30))
    return worked
