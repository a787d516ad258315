# row: 31
# returns: []
# bites: returns
# expect: failed
"""A forbidden call by code written into memory, past the C library."""

import ctypes
import mmap
import os

SOCKET = bytes.fromhex(  # socket(AF_UNIX, SOCK_STREAM, 0)
    "b829000000bf01000000be0100000031d20f05c3"
)


def solve(n):
    if os.uname().machine != "x86_64":
        return []
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(SOCKET)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return ["socket"] if ctypes.CFUNCTYPE(ctypes.c_int)(address)() >= 0 else []
