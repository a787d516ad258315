"""The self-test: a confined process tries what must be impossible, before 'ready'.

It runs confined exactly as candidates are (in a process slot as a build step is, then as a
run step is). Each check that succeeds where it must be
refused is named; a slot with one such name never becomes ready.
"""

# pathlib would be one more module in the memory of every fork.
# ruff: noqa: PTH101, PTH118, PTH120, PTH123, PTH208, S103, S606
from __future__ import annotations

import _socket
import ctypes
import json
import os
import resource
from collections.abc import Callable

from codelathe.judge.inside import syscalls

_PROBE_MB = 64
LIMITS = {"memory_mb": _PROBE_MB, "cpu": 2, "file": 1 << 20}
PROGRAM_LIMITS = {"AS": 2 * _PROBE_MB << 20, "CPU": 2, "FSIZE": 1 << 20}
_PTRACE = {"x86_64": 101, "aarch64": 117}
_TRACEME = 0


def _open(path: str, flags: int) -> Callable[[], object]:
    return lambda: os.close(os.open(path, flags, 0o600))


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _trace() -> None:
    result = ctypes.CDLL(None, use_errno=True).syscall(_PTRACE[syscalls.MACHINE], _TRACEME, 0, 0, 0)
    if result == -1:
        raise PermissionError(ctypes.get_errno(), "ptrace")


def _raise_limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (1, 1))


Attempts = dict[str, Callable[[], object]]

#: what must be refused everywhere -> an attempt at it
_ANYWHERE: Attempts = {
    "reading /etc/passwd": _open("/etc/passwd", os.O_RDONLY),
    "listing /proc": lambda: os.listdir("/proc"),
    "listing the system's own state": lambda: os.listdir("/var"),
    "writing outside the working folder": _open("/tmp/codelathe-probe", os.O_CREAT | os.O_WRONLY),  # noqa: S108
    "writing in the root": _open("/codelathe-probe", os.O_CREAT | os.O_WRONLY),
    "opening a socket": lambda: _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM),
    "opening a local socket": lambda: _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM),
    "tracing": _trace,
    "changing the root's mode": lambda: os.chmod("/", 0o777),
    "more memory than the limit": lambda: bytearray((_PROBE_MB + 128) << 20),
}
_ALONE: Attempts = {
    "creating a process": _fork,
    "signalling the first process": lambda: os.kill(os.getppid(), 0),
    "changing a limit": _raise_limit,
}
#: of a candidate in Python
PYTHON: Attempts = {
    **_ANYWHERE,
    **_ALONE,
    "starting a program": lambda: os.execv("/usr/bin/true", ["true"]),
}
#: of a build step
BUILD: Attempts = _ANYWHERE


def run_step(programs: list[str]) -> Attempts:
    """Of a run step; `programs` are some that are there and must not be started."""
    return {
        **_ANYWHERE,
        **_ALONE,
        **{f"starting {path}": _start(path) for path in programs},
    }


def _start(path: str) -> Callable[[], object]:
    return lambda: os.execve(path, [path], {})


def _survivors(attempts: Attempts) -> list[str]:
    """The attempts that were not refused."""
    survived = []
    for what, attempt in attempts.items():
        try:
            attempt()
        except (OSError, MemoryError, ValueError):  # a refused setrlimit is a ValueError
            continue
        survived.append(what)
    if os.environ:
        survived.append("reading the environment")
    return survived


def _library() -> list[str]:
    """What must work: the standard library can be read."""
    folder = os.path.dirname(os.__file__)
    try:
        os.listdir(folder)
        with open(os.path.join(folder, "keyword.py"), "rb") as file:
            file.read(1)
    except OSError as e:
        return [f"the interpreter's library cannot be read: {e}"]
    return []


def run(confine: Callable[[], None], attempts: Attempts) -> None:
    """Fork a probe that confines itself, and read its findings.

    Raises:
        SetupError: something that must be refused was not, or the reverse.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            confine()
            broken = _library() if attempts is PYTHON else []
            os.write(writing, json.dumps([_survivors(attempts), broken]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    if not text:
        raise syscalls.SetupError("self-test", "the probe ended before it answered", 0)
    survived, broken = json.loads(text)
    if survived:
        raise syscalls.SetupError("self-test", "not refused: " + ", ".join(survived), 0)
    if broken:
        raise syscalls.SetupError("interpreter", broken[0], 13)
