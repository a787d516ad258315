"""The first process of a process slot: runs one program at a time, as the parent says.

A warden forks itself into candidates; a foreman starts programs (compilers, and what they
made), so nothing of its memory goes with them. Before each program the folder `/w` holds
the files the parent sent and no others; after it, everything is killed and reaped, what was
asked for is handed out through a descriptor, and the folder is emptied.

One message starts a program: `X` + JSON (`inside.program` tells what is in it), with the
descriptors it names. The parent may send `E` to end it early. The one answer is JSON:
`[wait status, why it was killed, seconds, processor seconds, bytes handed out, residue,
why it did not begin]`.
"""

# pathlib would be one more module in the memory of every fork.
from __future__ import annotations

import _socket
import json
import os
import resource
import signal
import time
from typing import Any, NoReturn

from codelathe.judge import archive
from codelathe.judge.inside import program, rooms
from codelathe.judge.inside.orders import receive

_DESCRIPTORS = 8
_POLL = 0.05
"""How often, in seconds, the parent's wish to end is looked for; an end is seen at once."""
_DEPTH = 16
_FILES = 2000
NOT_STARTED = -1

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def serve(control: _socket.socket, cell: program.Cell) -> NoReturn:
    """Serve orders until the parent is gone."""
    # Blocked, the end of a child waits until it is asked for, and interrupts nothing.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    while received := receive(control, _DESCRIPTORS):
        message, descriptors = received
        if message[:1] == b"X":
            answer = _run(json.loads(message[1:]), descriptors, control, cell)
            control.send(json.dumps(answer).encode())
        for descriptor in descriptors:
            os.close(descriptor)
    os._exit(0)


def _run(
    order: dict[str, Any], descriptors: list[int], control: _socket.socket, cell: program.Cell
) -> list[Any]:
    """Run one program to its end: how it ended and what it used."""
    began = time.monotonic()
    reading, writing = os.pipe()  # closed by becoming a program
    pid = _fork()
    if pid == 0:
        try:
            program.main(order, descriptors, writing, cell)
        except BaseException as e:  # noqa: BLE001 -- no way back into this loop
            os.write(writing, f"{type(e).__name__}: {e}".encode()[:500])
        os._exit(program.NOT_BEGUN)
    os.close(writing)
    if pid < 0:
        os.close(reading)
        return [NOT_STARTED, "", 0.0, 0.0, 0, False, "no process can be created"]
    ended, killed = _wait(pid, began + order["seconds"], control)
    seconds = time.monotonic() - began
    _sweep()
    _, status, used = ended
    handed = 0
    if order["collect"] and status == 0 and not killed:
        handed = _collect(order["collect"], order["most"], descriptors[-1])
    cpu = used.ru_utime + used.ru_stime
    failure = os.read(reading, 500).decode("utf-8", "replace")
    os.close(reading)
    return [status, killed, seconds, cpu, handed, not _emptied(), failure]


def _fork() -> int:
    try:
        return os.fork()
    except OSError:
        return NOT_STARTED


def _wait(
    pid: int, until: float, control: _socket.socket
) -> tuple[tuple[int, int, resource.struct_rusage], str]:
    """Until the program ends, its time is up, or the parent has enough of it."""
    while True:
        ended = os.wait4(pid, os.WNOHANG)
        if ended[0]:
            return ended, ""
        left = until - time.monotonic()
        killed = "time" if left <= 0 else "parent" if _recalled(control) else ""
        if killed:
            os.kill(pid, signal.SIGKILL)
            return os.wait4(pid, 0), killed
        signal.sigtimedwait([signal.SIGCHLD], min(left, _POLL))


def _recalled(control: _socket.socket) -> bool:
    """Whether the parent sent its wish to end, or is gone."""
    try:
        return control.recv(1, _socket.MSG_DONTWAIT) in (b"E", b"")
    except BlockingIOError:
        return False


def _sweep() -> None:
    """Kill and reap whatever else the program started."""
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.waitpid(-1, 0)
    except (ProcessLookupError, ChildProcessError):
        return


def _collect(name: str, most: int, into: int) -> int:
    """Write the regular files below `/w/NAME` as an archive; its size, 0 where it is too much."""
    found: dict[str, int] = {}
    try:
        folder = os.open(f"{rooms.WRITABLE}/{name}", _FOLDER)
        try:
            _list(folder, "", found, _DEPTH)
            head = archive.header(found)
            total = len(head) + sum(found.values())
            if total > most or len(found) > _FILES:
                return 0
            os.write(into, head)
            for path, size in found.items():
                _copy(folder, path, size, into)
        finally:
            os.close(folder)
    except OSError:
        return 0
    return total


def _list(folder: int, prefix: str, found: dict[str, int], depth: int) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                found[prefix + entry.name] = entry.stat(follow_symlinks=False).st_size
            elif entry.is_dir(follow_symlinks=False) and depth:
                below = os.open(entry.name, _FOLDER, dir_fd=folder)
                try:
                    _list(below, f"{prefix}{entry.name}/", found, depth - 1)
                finally:
                    os.close(below)


def _copy(folder: int, path: str, size: int, into: int) -> None:
    # Everything that could exchange a part of the path for a link is dead by now.
    source = os.open(path, _FILE, dir_fd=folder)
    try:
        while size:
            sent = os.sendfile(into, source, None, size)
            if not sent:
                raise OSError(path)
            size -= sent
    finally:
        os.close(source)


def _emptied() -> bool:
    """Whether nothing is left in `/w` for the next program to find."""
    folder = os.open(rooms.WRITABLE, _FOLDER)
    try:
        _empty(folder, _DEPTH)
    except OSError:
        return False
    finally:
        os.close(folder)
    return True


def _empty(folder: int, depth: int) -> None:
    for name in os.listdir(folder):
        try:
            os.unlink(name, dir_fd=folder)
        except IsADirectoryError:
            if not depth:
                raise
            below = os.open(name, _FOLDER, dir_fd=folder)
            try:
                _empty(below, depth - 1)
            finally:
                os.close(below)
            os.rmdir(name, dir_fd=folder)
