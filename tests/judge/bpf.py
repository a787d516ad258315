"""Runs a system call filter without a kernel: what it answers to each call."""

from __future__ import annotations

import struct

X86_64 = 0xC000003E
_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06


def answer(program: bytes, number: int, arguments: tuple[int, ...] = (), arch: int = X86_64) -> int:
    """The value that a filter returns for one call (seccomp_data of linux/seccomp.h)."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=IIQ6Q", number, arch, 0, *(a & (2**64 - 1) for a in padded))
    held, at = 0, 0
    while True:
        code, yes, no, value = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == _RETURN:
            return int(value)
        if code == _LOAD:
            (held,) = struct.unpack_from("=I", data, value)
        else:
            taken = {_JEQ: held == value, _JGE: held >= value, _JSET: bool(held & value)}[code]
            at += yes if taken else no
