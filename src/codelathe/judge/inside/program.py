"""What a process of a process slot does between the fork and the program it becomes.

A build step runs a compiler: it may start processes, up to the slot's limit. A run step runs
what was made: no process, no signal to others, no change of limits, and no program but
those named in the order. Its own binary comes as a descriptor, not as a path.

An order has: `commands` (lists of arguments: all but the last are run and waited for, the last
is what this process becomes); `env`; `seconds`; `limits` (name of a limit -> value); `files`
(whether the first descriptor is an archive to unpack into `/w`); `strict` (a run step);
`execute` (the programs it may become); `program` (whether a descriptor holds the binary to
become); `collect` (a folder below `/w` to hand out, or nothing); `most` (bytes handed out).
The descriptors are, in this order and as far as the order names them: files, standard input,
output and error, binary, hand-out.
"""

# pathlib would be one more module in the memory of every fork.
# ruff: noqa: PTH103, PTH120, S606
from __future__ import annotations

import os
import resource
import signal
from typing import Any, NoReturn

from codelathe.judge import archive
from codelathe.judge.inside import landlock, rooms, seccomp, syscalls

NOT_BEGUN = 127
"""The exit code of a process that could not become its program."""

_SIGKILL = 9


class Cell:
    """What shuts a run step in beyond what the slot does. Made once, in the foreman."""

    def __init__(self, landlocked: bool) -> None:
        self._landlocked = landlocked
        self._foreman = os.getpid()
        self._filter = seccomp.CandidateFilter(counted=True)

    def confine(self, limits: dict[str, int], execute: list[str] | None) -> None:
        """Give this process its limits; with `execute`, a run step's confinement too."""
        for name, value in limits.items():
            _limit(getattr(resource, f"RLIMIT_{name}"), value)
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, _SIGKILL)
        if os.getppid() != self._foreman:
            os._exit(NOT_BEGUN)
        if execute is None:
            return
        if self._landlocked:
            landlock.restrict_execution(execute)
        self._filter.install()


def _limit(kind: int, value: int) -> None:
    """Set a limit, or keep a lower one that this process was started with."""
    hard = resource.getrlimit(kind)[1]
    most = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (most, most))


def main(order: dict[str, Any], descriptors: list[int], failure: int, cell: Cell) -> NoReturn:
    """Unpack the files, take the descriptors, shut oneself in, become the program.

    `failure` is a descriptor that stays open as long as this has not happened.
    """
    os.chdir(rooms.WRITABLE)
    rest = list(descriptors)
    if order["files"]:
        _unpack(rest.pop(0))
    if order["collect"]:
        os.makedirs(order["collect"], exist_ok=True)
    for target in range(3):
        os.dup2(rest.pop(0), target)
    binary = rest.pop(0) if order["program"] else -1
    for descriptor in range(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0]):
        if descriptor not in (binary, failure):
            _close(descriptor)
    if binary >= 0:
        os.set_inheritable(binary, False)
    _ordinary_signals()
    cell.confine(order["limits"], order["execute"] if order["strict"] else None)
    *before, last = order["commands"]
    for command in before:
        _run(command, order["env"])
    os.execve(binary if binary >= 0 else last[0], last, order["env"])


def _ordinary_signals() -> None:
    """Give back what Python and the foreman keep from themselves: a program inherits it."""
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _run(command: list[str], environment: dict[str, str]) -> None:
    """One of several commands; where it fails, the whole ends as it did."""
    pid = os.fork()
    if pid == 0:
        os.execve(command[0], command, environment)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        os._exit(code if code > 0 else 128 - code)


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        return


def _unpack(source: int) -> None:
    with open(source, "rb", closefd=False) as file:
        file.seek(0)
        files = archive.unpack(file.read())
    for name, data in files.items():
        if "/" in name:
            os.makedirs(os.path.dirname(name), exist_ok=True)
        fd = os.open(name, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.close(fd)
