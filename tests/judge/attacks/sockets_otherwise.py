# row: 28
# returns: []
# unshown: listen, bluetooth, url, connect
# expect: failed
"""Sockets by name, by number and by address."""

import asyncio
import socket
import urllib.request


async def serve():
    server = await asyncio.start_server(print, "127.0.0.1", 0)
    return server.sockets[0]


def solve(n):
    worked = []
    attempt(worked, "raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
    attempt(worked, "abstract", lambda: socket.socket(socket.AF_UNIX).bind("\0codelathe"))
    attempt(worked, "datagram", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    attempt(worked, "listen", lambda: system_call(50, 201)(0, 1))
    attempt(worked, "bluetooth", lambda: socket.socket(31, socket.SOCK_RAW, 0))
    attempt(worked, "url", lambda: urllib.request.urlopen("http://169.254.169.254/", timeout=1))
    attempt(worked, "file url", lambda: urllib.request.urlopen("file:///etc/passwd").read())
    attempt(worked, "server", lambda: asyncio.run(serve()))
    attempt(worked, "number", lambda: system_call(41, 198)(1, 1, 0))
    attempt(worked, "connect", lambda: system_call(42, 203)(0, bytes(16), 16))
    return worked
