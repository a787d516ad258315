# row: 31
# bites: lives
# expect: left
"""The entry for 32-bit programs, by code written into memory."""

import ctypes
import mmap
import os

GETPID = bytes.fromhex("b814000000cd80c3")  # mov eax, 20; int 0x80; ret


def solve(n):
    if os.uname().machine != "x86_64":
        os._exit(0)
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(GETPID)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    ctypes.CFUNCTYPE(ctypes.c_int)(address)()
    return "wrong"
