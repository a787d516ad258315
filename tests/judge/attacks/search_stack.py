# row: 23
# returns: []
# bites: returns
# expect: failed
"""The environment that this process was started with, where the kernel put it."""

import ctypes


def solve(n):
    start = ctypes.c_void_p.in_dll(libc, "environ").value
    found = []
    if start:
        at = ctypes.POINTER(ctypes.c_char_p).from_buffer(ctypes.c_void_p(start))
        index = 0
        while at[index]:
            found.append(at[index].partition(b"=")[0].decode())
            index += 1
    return found
