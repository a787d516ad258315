"""One candidate's process and its channel: orders out, frames in, the clock, the end.

A frame out of order, malformed or with a wrong nonce is an attempt to forge. A process
that ends before it answers is told apart by how it ended.
"""

from __future__ import annotations

import marshal
import math
import os
import select
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from codelathe.core.errors import ProblemError
from codelathe.core.judging import Limits, Status
from codelathe.core.problem import CallExample
from codelathe.judge import codec, compare
from codelathe.judge.slot import Ending, Slot, nonce

_STATUS_OF = {"error": Status.ERROR, "memory": Status.MEMORY, "output": Status.OUTPUT}
FOLDER = 8 << 20
"""Bytes of the largest file that a candidate may write: all that its folder holds."""

_INPUT_BYTES = 64 << 20
_FRAME_SLACK = 1 << 16
_CHUNK = 1 << 16
STARVED = 0.8
"""Share of its time limit that a process must have computed for a timeout to count at once."""


class Stopped(Exception):
    """The candidate will not answer any more: the status, and why."""

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


@dataclass(slots=True)
class Run:
    """One candidate process and its channel."""

    slot: Slot
    channel: socket.socket
    limits: Limits
    word: str
    began: float = 0.0
    deadline: float = 0.0
    sequence: int = 0
    buffer: bytearray = field(default_factory=bytearray)
    late: bool = False
    finished: bool = False
    ended: float = 0.0
    ending: Ending | None = None
    group: list[Run] = field(default_factory=list)
    """This and the processes that end with it, in the order they were started in."""

    def __post_init__(self) -> None:
        self.group = self.group or [self]

    def join(self, first: Run) -> None:
        """End together with `first`, after which this was started."""
        self.group = first.group
        self.group.append(self)

    def allow(self) -> None:
        """Start the clock for one answer."""
        self.began = time.monotonic()
        self.deadline = self.began + self.limits.seconds

    def send(self, orders: bytes) -> None:
        """Orders, as `framed` makes them, to the candidate.

        Raises:
            Stopped: it does not take them in time.
        """
        try:
            self.channel.settimeout(self._left())
            self.channel.sendall(orders)
        except TimeoutError:
            raise self._too_late() from None
        except OSError:
            return  # it is gone; what it answered last, or nothing, is still to be read

    def wait(self, seconds: float) -> bool:
        """Whether within `seconds` there is something to receive, if only the end.

        Raises:
            Stopped: there is not, and the time is up.
        """
        left = self.deadline - time.monotonic()
        if ready([self], min(seconds, left)):
            return True
        if left <= seconds:
            raise self._too_late()
        return False

    def receive(self) -> tuple[str, Any]:
        """The candidate's next frame: its kind and what it carries.

        Raises:
            Stopped: none came, or one that breaks the protocol.
        """
        size = int.from_bytes(self._read(4, begun=False))
        if size > frame_bytes(self.limits):
            raise Stopped(Status.TAMPERED, "a frame of impossible size")
        try:
            frame = codec.loads(self._read(size, begun=True))
        except codec.CodecError as e:
            raise Stopped(Status.TAMPERED, f"a frame that is none: {compare.clip(str(e))}") from e
        if type(frame) is not list or frame[:2] != [self.word, self.sequence] or len(frame) != 4:
            raise Stopped(Status.TAMPERED, "a frame out of order")
        self.sequence += 1
        return str(frame[2]), frame[3]

    def _read(self, size: int, begun: bool) -> bytes:
        while len(self.buffer) < size:
            try:
                self.channel.settimeout(self._left())
                part = self.channel.recv(_CHUNK)
            except TimeoutError:
                raise self._too_late() from None
            except OSError:
                part = b""
            if not part:
                raise self.gone(begun or bool(self.buffer))
            self.buffer += part
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _too_late(self) -> Stopped:
        self.late = True
        return Stopped(Status.TIMEOUT, f"no answer within {self.limits.seconds:g} s")

    def gone(self, begun: bool = False) -> Stopped:
        """How it ended, where it should not have; `begun`: in the midst of a frame."""
        ending = self.finish(grace=True)
        if begun:
            return Stopped(Status.TAMPERED, "a frame cut short")
        if ending is None:
            return Stopped(Status.UNJUDGED, "the sandbox could not create the process")
        if os.WIFSIGNALED(ending.status) and not ending.killed:
            number = os.WTERMSIG(ending.status)
            if number == signal.SIGXCPU:
                return Stopped(Status.TIMEOUT, "used up its processor time")
            if number == signal.SIGKILL:
                return Stopped(Status.MEMORY, "killed by the kernel; most likely out of memory")
        return Stopped(Status.LEFT, f"the process {ending} before it answered")

    def finish(self, grace: bool = False) -> Ending | None:
        """End the process. What it sent beyond its answers is then complete."""
        if not self.finished:
            ended = time.monotonic()
            endings = self.slot.end(grace)
            for run, ending in zip(self.group, endings, strict=True):
                run.finished, run.ended, run.ending = True, ended, ending
        return self.ending

    @property
    def starved(self) -> bool:
        """Whether a finished process hardly got to run in the time it was given.

        Then a timeout says more about the machine than about the candidate.
        """
        if self.ending is None:
            return False
        used = sum(run.ending.cpu_seconds for run in self.group if run.ending is not None)
        return used < min(self.limits.seconds, self.ended - self.began) * STARVED

    def silent(self) -> bool:
        """Whether a finished process left nothing unread.

        What came after its time, before it was ended, is an answer too late and no forgery.
        """
        if self.late:
            return True
        if self.buffer:
            return False
        self.channel.setblocking(False)
        try:
            return not self.channel.recv(1)
        except OSError:
            return True


class Starter:
    """Starts candidates in one slot, unless it was aborted, which another thread may do."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._channels: list[socket.socket] = []
        self.aborted = False

    def abort(self) -> None:
        """Cut the channels: what waits for an answer gets none."""
        self.aborted = True
        for channel in list(self._channels):
            _cut(channel)

    def start(
        self,
        limits: Limits,
        cpu_seconds: float,
        file: int,
        extra: Sequence[int] = (),
        targets: Sequence[int] = (0, 1),
    ) -> Run:
        """A candidate's process, whose descriptors `targets` are `extra`.

        Raises:
            SlotLost: the warden is gone.
        """
        channel = self._slot.start(limits, math.ceil(cpu_seconds) + 1, file, extra, targets)
        self._channels = [c for c in self._channels if c.fileno() >= 0] + [channel]
        if self.aborted:  # before there was a channel to cut
            _cut(channel)
        return Run(self._slot, channel, limits, nonce())


def _cut(channel: socket.socket) -> None:
    try:
        channel.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def stopped(kind: str, payload: Any) -> Stopped:
    """What a frame says that is no answer."""
    if kind in _STATUS_OF and type(payload) is str:
        return Stopped(_STATUS_OF[kind], compare.clip(payload))
    return Stopped(Status.TAMPERED, "a frame of unknown kind")


def ready(runs: Sequence[Run], seconds: float) -> list[Run]:
    """Those of `runs` that have something to receive; waits for the first, if so long."""
    of = {run.channel.fileno(): run for run in runs}
    poll = select.poll()
    for descriptor in of:
        poll.register(descriptor, select.POLLIN)
    return [of[descriptor] for descriptor, _ in poll.poll(max(0.0, seconds) * 1000)]


def framed(order: Any) -> bytes:
    """An order as it goes over the channel, to the same Python that made it."""
    body = marshal.dumps(order)
    return len(body).to_bytes(4) + body


def frame_bytes(limits: Limits) -> int:
    """The largest frame, which the candidate's side keeps to: text takes more in JSON."""
    return 2 * limits.output_bytes + _FRAME_SLACK


def arguments(example: CallExample) -> list[Any]:
    """The arguments of a call, encoded.

    Raises:
        ProblemError: they are not plain data.
    """
    try:
        return [
            codec.encode(example.args, _INPUT_BYTES, plain=True),
            codec.encode(dict(example.kwargs), _INPUT_BYTES, plain=True),
        ]
    except (codec.TooLarge, TypeError) as e:
        raise ProblemError(
            f"the arguments {compare.clip(example.input)} cannot be handed to code: {e}",
            hint="use numbers, text, bytes, lists, tuples, sets and dictionaries",
            field="example_inputs",
        ) from e
