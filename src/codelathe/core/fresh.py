"""A function that runs in a process of its own: its memory, its peak and its end are its alone.

The function is named `package.module:function`. It takes a JSON object and a `Tell`, by which it
says how far it is, and returns a JSON object. What else it or a library prints to standard output
is dropped; of standard error the last line is told where the process ends without an answer.

The process ends with the one that began it, however that ends.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any

from codelathe.core import errors
from codelathe.core.disk import says_full
from codelathe.core.errors import DiskFull, LatheError

Tell = Callable[[str, int, int, str], None]
"""Is told of a stage, how many of how many are done, and some words more."""

_STDIN, _STDOUT, _STDERR = range(3)
_GRACE = 20.0
"""Seconds that a process has to put its things in order."""
_TAIL = 1 << 14


def run_fresh(target: str, asked: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """What the function `target` returns for `asked`.

    Raises:
        LatheError: what the function raised; of other errors their name and text. Or the process
            ended without an answer, as one does that is out of memory.
    """
    command = [sys.executable, "-P", "-m", __name__, target]
    with (
        tempfile.TemporaryFile() as spoken,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=spoken,
            start_new_session=True,  # Ctrl-C reaches the caller alone, who ends this in order
        ) as process,
    ):
        try:
            answer = _asked(process, asked, tell)
            code = process.wait()
        except BaseException:
            _end(process)
            raise
        if answer is None:
            raise LatheError(_told_end(code, spoken))
        if "error" in answer:
            raise _error(answer["error"])
        found: dict[str, Any] = answer["result"]
        return found


def peak_memory() -> int:
    """The most bytes that this process has held at once.

    On Linux not by `getrusage`: what that gives a process begins with the memory of the one it
    was begun by.
    """
    with suppress(OSError), open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def _asked(
    process: subprocess.Popen[bytes], asked: Mapping[str, Any], tell: Tell
) -> dict[str, Any] | None:
    """The answer, None where it ended without; progress is passed on meanwhile."""
    assert process.stdin is not None, "it is a pipe"
    assert process.stdout is not None, "it is a pipe"
    with suppress(BrokenPipeError):  # it has ended already
        process.stdin.write(json.dumps(asked).encode("ascii") + b"\n")
        process.stdin.flush()
    answer = None
    for line in process.stdout:
        said = json.loads(line)
        if "stage" in said:
            tell(*said["stage"])
        else:
            answer = said
    return answer


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it in order, then without."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def _told_end(code: int, spoken: IO[bytes]) -> str:
    if code == -signal.SIGKILL:
        return "its process was killed, as the system does where memory runs out"
    size = spoken.seek(0, os.SEEK_END)
    spoken.seek(max(0, size - _TAIL))
    lines = spoken.read().decode("utf-8", "replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    return f"its process ended {how}" + (f": {last}" if last else "")


def _error(told: Mapping[str, str]) -> LatheError:
    kind = getattr(errors, told["type"], LatheError)
    if not (isinstance(kind, type) and issubclass(kind, LatheError)):
        kind = LatheError
    error: LatheError = kind.__new__(kind)  # some take other arguments than these
    LatheError.__init__(error, told["message"], hint=told["hint"], field=told["field"])
    return error


def _serve(target: str) -> None:
    """The process itself: one function, one answer."""
    asked = json.loads(_first_line())
    own = os.fdopen(os.dup(_STDOUT), "wb", buffering=0)
    os.dup2(_STDERR, _STDOUT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_caller, daemon=True).start()
    lock = threading.Lock()

    def say(document: Mapping[str, Any]) -> None:
        with lock:
            own.write(json.dumps(document).encode("ascii") + b"\n")

    def tell(stage: str, done: int, total: int, told: str = "", /) -> None:
        say({"stage": [stage, done, total, told]})

    module, _, name = target.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
        say({"result": function(asked, tell)})
    except Exception as error:  # noqa: BLE001 (the outermost handler of this process)
        say({"error": _document(error)})


def _document(error: Exception) -> dict[str, str]:
    kind, message, hint, field = "", f"unexpected {type(error).__name__}: {error}", "", ""
    if isinstance(error, LatheError):
        kind, message, hint, field = type(error).__name__, error.message, error.hint, error.field
    elif isinstance(error, MemoryError):
        message = "there is too little memory"
    elif says_full(error):
        kind, message = DiskFull.__name__, f"the disk is full: {error}"
        hint = "make room, and run it again"
    return {"type": kind, "message": message, "hint": hint, "field": field}


def _first_line() -> bytes:
    """Read without a buffer: a thread waits for the end of the same stream."""
    line = b""
    while not line.endswith(b"\n") and (part := os.read(_STDIN, 1 << 16)):
        line += part
    return line


def _end_with_caller() -> None:
    while os.read(_STDIN, 1 << 16):
        pass
    os._exit(1)


if __name__ == "__main__":
    _serve(sys.argv[1])
