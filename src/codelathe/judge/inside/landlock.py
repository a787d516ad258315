"""Landlock: a second wall around files, which needs no privilege.

Follows the kernel's userspace-api/landlock: rights the running kernel does not know
are left out by its ABI number. It cannot keep a process from asking whether a file
exists (`stat`); the mount namespace of tier A does that.
"""

# pathlib would be one more module in the memory of every fork.
# ruff: noqa: PTH112
from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

from codelathe.judge.inside import syscalls

_EXECUTE, _WRITE, _READ, _READ_DIR = 1, 2, 4, 8
_ABI1 = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_NET = 3  # bind and connect over TCP
_SCOPES = 3  # abstract unix sockets, signals
_RULE_PATH_BENEATH = 1
_CREATE_VERSION = 1

#: Tier B rests on Landlock alone for files: before ABI 3 truncation is not covered.
ALONE = 3


def abi() -> int:
    """The kernel's Landlock ABI, 0 where it has none."""
    try:
        return syscalls.call("landlock_create_ruleset", None, 0, _CREATE_VERSION)
    except OSError:
        return 0


def _rights(version: int) -> int:
    rights = _ABI1
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        if version >= since:
            rights |= right
    return rights


def restrict(
    readable: Iterable[str],
    writable: Iterable[str],
    devices: Iterable[str],
    *,
    executable: bool = False,
) -> None:
    """Allow this process reading below `readable`, all but executing below `writable`.

    With `executable` what can be read can be run. `devices` may be read and written. Paths
    that do not exist are left out.

    Raises:
        SetupError: the kernel has no Landlock, or refused it.
    """
    version = abi()
    if version == 0:
        raise syscalls.SetupError("landlock", "the kernel has no Landlock", 38)
    every = _rights(version)
    head = struct.pack("=QQQ", every, _NET if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    try:
        ruleset = syscalls.call("landlock_create_ruleset", head[:size], size, 0)
        for paths, rights in (
            (readable, _READ | _READ_DIR | (_EXECUTE if executable else 0)),
            (writable, every & ~_EXECUTE),
            (devices, _READ | _WRITE),
        ):
            for path in paths:
                _allow(ruleset, path, rights)
        syscalls.call("landlock_restrict_self", ruleset, 0)
        os.close(ruleset)
    except OSError as e:
        raise syscalls.SetupError("landlock", str(e), e.errno or 0) from e


def restrict_execution(programs: Iterable[str]) -> None:
    """From now on, let this process become none but `programs`.

    Raises:
        SetupError: the kernel refused it.
    """
    try:
        ruleset = syscalls.call("landlock_create_ruleset", struct.pack("=Q", _EXECUTE), 8, 0)
        for path in programs:
            _allow(ruleset, path, _EXECUTE)
        syscalls.call("landlock_restrict_self", ruleset, 0)
        os.close(ruleset)
    except OSError as e:
        raise syscalls.SetupError("landlock", str(e), e.errno or 0) from e


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Add a rule. The rights that are of folders alone are not asked for of a file."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except PermissionError as e:
        raise syscalls.SetupError("interpreter", f"unreadable: {e}", e.errno or 0) from e
    if not os.path.isdir(path):
        rights &= ~_READ_DIR
    rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, fd), 12)
    syscalls.call("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, rule, 0)
    os.close(fd)
