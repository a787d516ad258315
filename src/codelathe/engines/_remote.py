"""Many requests to a remote service at a time, seen as one iterator of completions.

Each answer is a call of its own, also the `n` answers of one request: so each has its
seed, and the watch can end one and leave the others. Calls run on daemon threads that
only pass pieces on; the watch is called, deadlines are kept and stop strings are cut on
the thread that iterates. Nothing waits for a service that hangs: an ended call's thread
closes its connection at the next piece, or when its read times out.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field

from codelathe.core.errors import RemoteFailure, RemoteTimeout
from codelathe.core.generation import Completion, FinishReason, Request, Watch
from codelathe.engines._answer import Answer
from codelathe.engines._chunks import Garbled, Piece, Usage
from codelathe.engines._guard import listening
from codelathe.engines._refusal import Service, garbled
from codelathe.engines._retry import Retries, Timeouts, Transient

MAX_CHARACTERS = 4 << 20
#: A service that does not count tokens (a stream that was ended early) is taken at this.
CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Pace:
    """How a service is asked: calls at a time, patience, persistence."""

    workers: int = 8
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: Retries = field(default_factory=Retries)


DEFAULT_PACE = Pace()


@dataclass(slots=True, eq=False)
class Call:
    """One answer that is asked for. `ended` tells its thread to stop listening."""

    request: Request
    index: int
    choice: int
    ended: threading.Event = field(default_factory=threading.Event)
    started: float = 0.0

    @property
    def seed(self) -> int:
        """The seed of this answer: choice `i` of a request is drawn with `seed + i`."""
        return self.request.sampling.seed + self.choice


#: Streams one answer. Raises LatheError, or Transient, or Garbled; ends early when
#: `call.ended` is set. The connection is closed with the iterator.
Stream = Callable[[Call], Iterator[Piece]]


@dataclass(slots=True)
class _Growing:
    """One answer as it grows, try number `attempt`."""

    written: Answer
    attempt: int = 1
    pieces: int = 0
    characters: int = 0
    reason: FinishReason | None = None
    usage: Usage | None = None
    model: str = ""

    def add(self, piece: Piece) -> bool:
        """Take in `piece`; whether there is more to show."""
        self.reason = piece.reason or self.reason
        self.usage = piece.usage or self.usage
        self.model = piece.model or self.model
        if not piece.text:
            return False
        self.pieces += 1
        self.characters += len(piece.text)
        return self.written.add(piece.text)


#: What a thread passes on: its call, the number of the try, and a piece, the end, or a failure.
_Event = tuple[Call, int, "Piece | BaseException | None"]


def complete(
    requests: Sequence[Request], watch: Watch | None, stream: Stream, service: Service, pace: Pace
) -> Generator[Completion]:
    """Yield every answer as it finishes; an error of any call ends them all."""
    calls = [Call(r, i, c) for i, r in enumerate(requests) for c in range(r.n)]
    waiting: queue.SimpleQueue[Call] = queue.SimpleQueue()
    for call in calls:
        waiting.put(call)
    board = _Board(calls, watch, service, pace)
    for _ in range(min(pace.workers, len(calls))):
        worker = _Worker(stream, waiting, board.events, pace.retries, retry_shown=watch is None)
        threading.Thread(target=worker.run, daemon=True, name="codelathe-remote").start()
    try:
        while board.open:
            yield from board.next()
    finally:
        board.end_all()


class _Board:
    """The answers under way, on the side of the thread that iterates."""

    def __init__(
        self, calls: Sequence[Call], watch: Watch | None, service: Service, pace: Pace
    ) -> None:
        self.events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self.open = {call: _Growing(Answer(call.request.sampling.stop)) for call in calls}
        self._watch = watch
        self._service = service
        self._total = pace.timeouts.total

    def next(self) -> Generator[Completion]:
        """Wait for one event and yield the completion it makes, if any."""
        started = [c.started for c in self.open if c.started]
        left = min(started, default=time.perf_counter()) + self._total - time.perf_counter()
        try:
            if left <= 0:
                raise queue.Empty
            call, attempt, item = self.events.get(timeout=left)
        except queue.Empty:
            raise RemoteTimeout(
                f"{self._service.name} did not finish an answer in {self._total:g} s",
                hint="ask for fewer tokens with --max-tokens, or try again later",
            ) from None
        if call in self.open and (completion := self._take(call, attempt, item)):
            call.ended.set()
            del self.open[call]
            yield completion

    def end_all(self) -> None:
        """Tell every thread to stop listening."""
        for call in self.open:
            call.ended.set()

    def _take(
        self, call: Call, attempt: int, item: Piece | BaseException | None
    ) -> Completion | None:
        if isinstance(item, Garbled):
            raise garbled(str(item), self._service)
        if isinstance(item, BaseException):
            raise item
        growing = self.open[call]
        if attempt != growing.attempt:  # begun again: what came before does not count
            growing = _Growing(Answer(call.request.sampling.stop), attempt)
            self.open[call] = growing
        if item is None:
            if growing.written.add("", last=True):
                self._ended_by_watch(call, growing)
            return self._completion(call, growing, growing.reason or "stop")
        if growing.add(item) and self._ended_by_watch(call, growing):
            return self._completion(call, growing, "watch")
        if growing.written.stopped:
            return self._completion(call, growing, "stop")
        if growing.characters > MAX_CHARACTERS:
            raise RemoteFailure(
                f"{self._service.name} sent more than {MAX_CHARACTERS:,} characters for an answer "
                f"of at most {call.request.sampling.max_tokens:,} tokens"
            )
        return None

    def _ended_by_watch(self, call: Call, growing: _Growing) -> bool:
        return self._watch is not None and self._watch(
            call.index, call.choice, growing.written.text
        )

    def _completion(self, call: Call, growing: _Growing, reason: FinishReason) -> Completion:
        usage = growing.usage or Usage(_estimate(call.request), growing.pieces)
        return Completion(
            request=call.index,
            choice=call.choice,
            text=growing.written.text,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            seconds=time.perf_counter() - call.started,
            finish_reason=reason,
            seed=call.seed,
            model=self._service.quote(growing.model) or self._service.model,
            cost_usd=usage.cost_usd,
            engine=self._service.engine,
        )


@dataclass(frozen=True, slots=True)
class _Worker:
    """A thread that makes one call after the other and passes on what comes."""

    stream: Stream
    waiting: queue.SimpleQueue[Call]
    events: queue.SimpleQueue[_Event]
    retries: Retries
    retry_shown: bool

    def run(self) -> None:
        while True:
            try:
                call = self.waiting.get_nowait()
            except queue.Empty:
                return
            with listening(call.ended):
                self._serve(call)

    def _serve(self, call: Call) -> None:
        call.started = time.perf_counter()
        attempt, waited = 1, 0.0
        while not call.ended.is_set():
            failure, shown = self._try(call, attempt)
            if failure is None:
                return
            delay = self.retries.delay(attempt, waited, failure.after)
            if delay is None or (shown and not self.retry_shown):
                self.events.put((call, attempt, failure.error))
                return
            call.ended.wait(delay)
            attempt, waited = attempt + 1, waited + delay

    def _try(self, call: Call, attempt: int) -> tuple[Transient | None, bool]:
        """One try. The failure that may be tried again, and whether text had come before it."""
        shown = False
        pieces = self.stream(call)
        try:
            for piece in pieces:
                if call.ended.is_set():
                    return None, shown
                shown = shown or bool(piece.text)
                self.events.put((call, attempt, piece))
            self.events.put((call, attempt, None))
        except Transient as failure:
            return Transient(failure.error, failure.after), shown
        except BaseException as error:  # noqa: BLE001 (raised again where the completions are read)
            self.events.put((call, attempt, _unchained(error)))
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
        return None, shown


def _unchained(error: BaseException) -> BaseException:
    """`error` without the errors under it: they hold the request, and with it the key."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _estimate(request: Request) -> int:
    text = request.prompt or "".join(m.content for m in request.messages)
    return max(1, len(text) // CHARACTERS_PER_TOKEN)
