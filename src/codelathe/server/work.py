"""Slow work on threads: ended when the client hangs up or the server is told to stop."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from starlette.responses import JSONResponse

from codelathe.core.judging import Judge
from codelathe.server.problems import problem

Result = TypeVar("Result")

#: Requests that may wait for a backend before more are turned away.
MAX_WAITING = 32


class Cancelled(Exception):
    """The work was ended because its answer is not wanted."""


#: Called after every token: False, or Cancelled is raised once nobody wants the answer.
Cancelling = Callable[[], bool]


class Judges:
    """Judges that are lent to one piece of work at a time, and kept warm between."""

    def __init__(self, open_judge: Callable[[], Judge]) -> None:
        self._open = open_judge
        self._lock = threading.Lock()
        self._idle: list[Judge] = []
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[Judge]:
        """A judge for the block. One that was in use when the block failed is not lent again."""
        with self._lock:
            judge = self._idle.pop() if self._idle else None
        judge = judge or self._open()
        try:
            yield judge
        except BaseException:
            judge.close()
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(judge)
                return
        judge.close()

    def close(self) -> None:
        """End the processes of all judges."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for judge in idle:
            judge.close()


async def run(
    request: Request,
    limiter: CapacityLimiter,
    stopping: threading.Event,
    work: Callable[[Cancelling], Result],
) -> Result | JSONResponse:
    """`work` on a thread, within `limiter`; a problem document where it cannot be done."""
    if stopping.is_set():
        return _stopping()
    if limiter.statistics().tasks_waiting >= MAX_WAITING:
        return problem(
            503,
            "Busy",
            f"{MAX_WAITING} requests are waiting already",
            headers={"retry-after": "10"},
        )
    gone = threading.Event()

    def cancelling() -> bool:
        if gone.is_set() or stopping.is_set():
            raise Cancelled
        return False

    def begin() -> Result:
        cancelling()  # its turn may have come too late
        return work(cancelling)

    task = asyncio.ensure_future(to_thread.run_sync(begin, limiter=limiter))
    listener = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait((task, listener), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            gone.set()
            task.cancel()  # takes it out of the queue; a thread that runs sees `gone`
        return await task
    except (Cancelled, asyncio.CancelledError):
        return _stopping()
    finally:
        gone.set()
        listener.cancel()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _stopping() -> JSONResponse:
    return problem(503, "Stopping", "the server is shutting down", headers={"retry-after": "5"})


@contextmanager
def told_by_signals(stopping: threading.Event) -> Iterator[None]:
    """Set `stopping` as soon as the process is told to end, before the server waits for work."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        stopping.set()
        previous = before[signal.Signals(number)]
        if callable(previous):
            previous(number, frame)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, previous in before.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, previous)
