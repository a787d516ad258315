"""The warden: one candidate at a time, from fork to reaping; with it the test, where it has one.

It is the first process of its process namespace (tier A). It never sees code, inputs or
answers: the parent hands over the descriptors that a candidate is to hold, and the data
goes past the warden. So its memory, which every candidate inherits, holds nothing of the
candidates before.

Orders on the control socket (one message each): `R` + `START` + a byte for each descriptor
handed over, its number in the candidate, starts a process; `E` + milliseconds of grace ends
all that were started since the last, and is answered with an `ENDING` for each process and one
byte, whether anything was left behind.

After each fork, what this process writes first it has to copy, page by page. So its loop uses
little of Python: no JSON, no exceptions.
"""

# pathlib would be one more module in the memory of every fork.
# ruff: noqa: PTH116, PTH123, PTH208
from __future__ import annotations

import _socket
import builtins
import ctypes
import gc
import io
import os
import sys
import time
from os import fork, kill  # which are None in `os` before long
from typing import Any, NoReturn

from codelathe.judge.inside import candidate, rehearsal, rooms, suites, syscalls
from codelathe.judge.inside.orders import ENDING, START, receive

_MAX_DESCRIPTORS = 3
_SIGKILL = 9
NOT_STARTED = -1
_NEVER = ENDING.pack(NOT_STARTED, False, 0.0)
_libc = ctypes.CDLL(None)


def serve(control: _socket.socket, own_pids: bool, cell: candidate.Cell) -> NoReturn:
    """Serve orders until the parent is gone.

    `own_pids`: this process is the first of its own process namespace, so that killing
    everything means everything in the slot. `cell` is what each candidate is put into.
    """
    _settle()
    folder = _Folder()
    pids: list[int] = []
    while order := receive(control, _MAX_DESCRIPTORS):
        message, descriptors = order
        if message[:1] == b"R":
            pids.append(_start(message, descriptors, cell))
        else:
            endings = _end(pids, int(message[1:]), own_pids)
            pids = []
            control.send(b"".join(endings) + bytes([own_pids and folder.changed()]))
    for pid in pids:
        if pid != NOT_STARTED:
            kill(pid, _SIGKILL)
    os._exit(0)


def _settle() -> None:
    """Leave to the candidates an ordinary interpreter, with no trace of the warden."""
    for name in [n for n in sys.modules if n.partition(".")[0] == "codelathe"]:
        del sys.modules[name]
    os.umask(0o077)
    sys.argv = [""]
    sys.dont_write_bytecode = True
    builtins.exit = builtins.quit = _quit  # type: ignore[assignment]
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8")
    suites.take()
    rehearsal.rehearse()
    # What exists now is shared by every fork: a collector that walks it would copy it.
    gc.collect()
    gc.freeze()


def _quit(code: Any = None) -> NoReturn:
    raise SystemExit(code)


def _start(message: bytes, descriptors: list[int], cell: candidate.Cell) -> int:
    try:
        pid = fork()
    except OSError:
        pid = NOT_STARTED
    if pid == 0:
        try:
            memory_mb, cpu, file = START.unpack_from(message, 1)
            limits = {"memory_mb": memory_mb, "cpu": cpu, "file": file}
            candidate.main(descriptors, message[1 + START.size :], limits, cell)
        except BaseException:  # noqa: BLE001 -- no way back into the warden's loop
            os._exit(70)
    for descriptor in descriptors:
        os.close(descriptor)
    return pid


def _end(pids: list[int], grace_ms: int, own_pids: bool) -> list[bytes]:
    """Make sure that all are gone: how each ended, and what it used.

    With grace, the first to end does so by itself.
    """
    started = [pid for pid in pids if pid > 0]
    ended = _wait(started, grace_ms)
    killed = [pid for pid in started if pid not in ended]
    for pid in killed:
        kill(pid, _SIGKILL)
    for pid in killed:
        _, status, used = os.wait4(pid, 0)
        ended[pid] = status, used.ru_utime + used.ru_stime
    if own_pids and started:
        _sweep()
    return [
        ENDING.pack(ended[pid][0], pid in killed, ended[pid][1]) if pid > 0 else _NEVER
        for pid in pids
    ]


def _wait(pids: list[int], grace_ms: int) -> dict[int, tuple[int, float]]:
    """Let a process that has closed its channel end by itself, to learn how it ended."""
    until = time.monotonic() + grace_ms / 1000
    ended: dict[int, tuple[int, float]] = {}
    while grace_ms and pids and not ended:
        pid, status, used = os.wait4(-1, os.WNOHANG)
        if pid:
            ended[pid] = status, used.ru_utime + used.ru_stime
        elif time.monotonic() >= until:
            break
        else:
            time.sleep(0.0005)
    return ended


def _sweep() -> None:
    """Kill and reap whatever else is left. The filters leave nothing; this does not rely on it."""
    if _libc.kill(-1, _SIGKILL) != 0:
        return  # there was nobody
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return


class _Folder:
    """The folder that candidates may write in: whether there is anything in it."""

    def __init__(self) -> None:
        self._empty = self._state()

    @staticmethod
    def _state() -> tuple[int, int, int]:
        try:
            found = os.stat(rooms.WRITABLE)
        except OSError:  # tier B has none
            return 0, 0, 0
        return found.st_ctime_ns, found.st_size, found.st_nlink

    def changed(self) -> bool:
        """Whether a candidate left anything for the next one to find."""
        state = self._state()
        if state == self._empty:
            return False
        self._empty = state
        return bool(os.listdir(rooms.WRITABLE))


def preload(names: list[str], packages: list[str]) -> int:
    """Import what candidates often use, once, so that each fork finds it there.

    Returns the bytes of address space that the packages take.
    """
    for name in names:
        __import__(name)
    before = _address_space()
    if packages:
        _import_package(packages[0])
    after = _address_space()
    return after - before


def _import_package(folder: str) -> None:
    """Import a package from its folder, and let nothing else beside it be found."""
    parent, _, name = folder.rpartition("/")
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"  # its threads would not be there after a fork
    sys.path.append(parent)
    try:
        __import__(name)
    except ImportError as e:
        raise syscalls.SetupError(name, str(e), 0) from e
    sys.path.remove(parent)
    sys.path_importer_cache.pop(parent, None)
    os.environ.clear()


def _address_space() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0
