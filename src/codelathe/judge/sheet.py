"""What goes to a candidate under a hidden test, and what comes back, without a word between.

All inputs go out as one frame, which is kept for the next candidate of the same test. Answers
come back on a sheet, a file in memory that both hold.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import Any

from codelathe.core.judging import Case, Status
from codelathe.core.problem import CallExample
from codelathe.judge import codec, compare
from codelathe.judge.exchange import Stopped, arguments, frame_bytes, framed

_SHEET_BYTES = 64 << 20
_CHUNK = 1 << 20
_CACHED_BYTES = 64 << 20


class Sheet:
    """A file in memory on which a candidate writes its answers, as frames in a row.

    What it holds was written by the candidate, at any time: each part is read once.
    """

    def __init__(self, case: Case) -> None:
        self._largest = frame_bytes(case.limits)
        self.most = max(_SHEET_BYTES, self._largest)
        self.descriptor = os.memfd_create("answers")
        self._at = 0
        self._buffer = b""

    def __enter__(self) -> Sheet:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def read(self) -> Any:
        """The next answer as its tree, None where there is none yet.

        Raises:
            Stopped: it is no frame.
        """
        if len(self._buffer) < 4 and not self._more():
            return None
        size = int.from_bytes(self._buffer[:4])
        if size > self._largest:
            raise Stopped(Status.TAMPERED, "a frame of impossible size")
        while len(self._buffer) < 4 + size:
            if not self._more():
                return None
        body, self._buffer = self._buffer[4 : 4 + size], self._buffer[4 + size :]
        try:
            return codec.loads(body)
        except codec.CodecError as e:
            raise Stopped(Status.TAMPERED, f"a frame that is none: {compare.clip(str(e))}") from e

    def _more(self) -> bool:
        part = os.pread(self.descriptor, _CHUNK, self._at)
        self._at += len(part)
        self._buffer += part
        return bool(part)

    @property
    def spent(self) -> bool:
        """Whether everything on it was read."""
        return not self._buffer and not self._more()


class Given:
    """The inputs of tests as they go to candidates, kept: many candidates have the same test."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[tuple[CallExample, ...], bytes]] = OrderedDict()
        self._bytes = 0

    def of(self, calls: tuple[CallExample, ...]) -> bytes:
        """The frame with the arguments of all calls.

        Raises:
            ProblemError: they are not plain data.
        """
        with self._lock:
            kept = self._kept.get(id(calls))  # holding `calls` keeps its id from another's
            if kept is not None:
                self._kept.move_to_end(id(calls))
                return kept[1]
        frame = framed([arguments(c) for c in calls])
        with self._lock:
            if id(calls) not in self._kept:
                self._kept[id(calls)] = (calls, frame)
                self._bytes += len(frame)
            while self._bytes > _CACHED_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1][1])
        return frame


GIVEN = Given()
"""Those of every test that this process judges."""
