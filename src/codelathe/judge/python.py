"""Python candidates: the parent's side of one case in one slot.

A candidate is given inputs, one call after another, and gives back encoded values; what
was expected stays here. Every deadline is kept here, outside. A frame out of order, with
a wrong nonce, or after the last answer makes the whole case `tampered`; a process that
ends before it answers has `left`.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from codelathe.core.judging import Case, Status, Verdict
from codelathe.core.problem import CallExample, Example, StdioExample, Suite
from codelathe.judge import codec, compare
from codelathe.judge.exchange import (
    FOLDER,
    Run,
    Starter,
    Stopped,
    arguments,
    frame_bytes,
    framed,
    stopped,
)
from codelathe.judge.slot import Slot
from codelathe.judge.suites import SuiteRunner, Timed

_SEND_AHEAD = 32 << 10
_EXTRA = "more frames than answers"
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


class PythonRunner:
    """Runs one case in one slot. `abort` may be called from another thread."""

    def __init__(self, slot: Slot, mode: str) -> None:
        self._starter = Starter(slot)
        self._suites = SuiteRunner(self._starter, mode)
        self._starved = False

    def abort(self) -> None:
        """End the case early; `run` then returns whatever it has."""
        self._starter.abort()

    def values(self, case: Case) -> list[Timed]:
        """What the calls of the case's one test gave, and the seconds of each.

        Raises:
            JudgeError: a call gave none.
            SlotLost: the warden is gone.
        """
        return self._suites.values(case)

    def run(self, case: Case) -> tuple[Verdict, ...]:
        """One verdict for each example, in order.

        Raises:
            ProblemError: an argument is not plain data.
            SlotLost: the warden is gone.
        """
        verdicts: list[Verdict] = []
        repeated = -1
        while len(verdicts) < len(case.examples):
            done = len(verdicts)
            verdicts += self._some(case, case.examples[done:])
            late = self._starved_at(verdicts, done)
            if late > repeated:
                repeated = late
                del verdicts[late:]
            forged = next((v for v in verdicts if v.status is Status.TAMPERED), None)
            if forged is not None:
                return tuple(_forged(e, forged) for e in case.examples)
        return tuple(verdicts)

    def _some(self, case: Case, rest: Sequence[Example | Suite]) -> list[Verdict]:
        """Verdicts for the first of `rest`, as many as one process gives."""
        if self._starter.aborted:
            return [_verdict(e, Status.UNJUDGED, "interrupted") for e in rest]
        first = rest[0]
        self._starved = False
        if isinstance(first, Suite):
            return [self._suites.run(case, first)]
        if isinstance(first, CallExample):
            return self._calls(case, _leading_calls(rest))
        return [self._program(case, first)]

    def _starved_at(self, verdicts: Sequence[Verdict], done: int) -> int:
        """Where the last process ran out of time without having run for it; else -1.

        Such a timeout says more of a busy machine than of the candidate, so it is tried
        once more before it counts. Code that merely sleeps pays for that with its time.
        """
        if not self._starved or self._starter.aborted:
            return -1
        late = (i for i in range(done, len(verdicts)) if verdicts[i].status is Status.TIMEOUT)
        return next(late, -1)

    def _calls(self, case: Case, examples: list[CallExample]) -> list[Verdict]:
        """Verdicts for as many of `examples` as one process lives through, at least one."""
        orders = [framed(arguments(x)) for x in examples]
        ahead = _ahead(orders)
        limits = case.limits
        run = self._starter.start(limits, limits.seconds * (len(examples) + 1), FOLDER)
        try:
            try:
                _load(run, case, orders[:ahead])
            except Stopped as e:  # code that does not load will not load the next time either
                verdicts = [_verdict(x, e.status, e.detail) for x in examples]
            else:
                verdicts = _answers(run, examples, orders[ahead:])
            run.finish()
            self._starved = run.starved
            if not run.silent():
                verdicts[-1] = _verdict(examples[len(verdicts) - 1], Status.TAMPERED, _EXTRA)
        finally:
            run.channel.close()
        return verdicts

    def _program(self, case: Case, example: StdioExample) -> Verdict:
        """A whole program on one standard input. Input and output are files in memory."""
        limit = case.limits.output_bytes
        given, printed = _memory_file(example.input), os.memfd_create("output")
        run = None
        try:
            seconds = case.limits.seconds * 2
            run = self._starter.start(case.limits, seconds, limit + 1, (given, printed))
            began = time.monotonic()
            status, detail = _ended(run, case)
            seconds = time.monotonic() - began
            run.finish()
            self._starved = run.starved
            if not run.silent():
                status, detail = Status.TAMPERED, _EXTRA
            text = os.pread(printed, limit + 1, 0)
        finally:
            os.close(given)
            os.close(printed)
            if run is not None:
                run.channel.close()
        return _read(example, status, detail, text, limit, seconds)


def _leading_calls(examples: Iterable[Example | Suite]) -> list[CallExample]:
    calls = []
    for example in examples:
        if not isinstance(example, CallExample):
            break
        calls.append(example)
    return calls


def _ahead(orders: list[bytes]) -> int:
    """How many inputs go out with the code: as many as surely fit the channel unread.

    It saves the candidate from waiting for the parent; the clock of each input still
    starts when the one before it is answered.
    """
    total = 0
    for count, order in enumerate(orders):
        total += len(order)
        if total > _SEND_AHEAD:
            return count
    return len(orders)


def _load(run: Run, case: Case, orders: list[bytes]) -> None:
    """Give the candidate its code and the first `orders`, and wait until the code stands.

    Raises:
        Stopped: it does not compile, raises, or lacks the entry point.
    """
    if not case.candidate.entry_point:
        raise Stopped(Status.ERROR, "the answer has no function to call")
    run.allow()
    run.send(framed(_order(run, case, "call")) + b"".join(orders))
    kind, payload = run.receive()
    if kind != "loaded":
        raise stopped(kind, payload)


def _order(run: Run, case: Case, kind: str) -> dict[str, Any]:
    return {
        "nonce": run.word,
        "kind": kind,
        "code": case.candidate.code,
        "entry": case.candidate.entry_point,
        "output": case.limits.output_bytes,
        "frame": frame_bytes(case.limits),
    }


def _answers(run: Run, examples: list[CallExample], unsent: list[bytes]) -> list[Verdict]:
    """Verdicts up to the first example that the process does not survive."""
    verdicts: list[Verdict] = []
    first_unsent = len(examples) - len(unsent)
    for index, example in enumerate(examples):
        began = time.monotonic()
        try:
            run.allow()
            if index >= first_unsent:
                run.send(unsent[index - first_unsent])
            kind, payload = run.receive()
        except Stopped as e:
            verdict = _verdict(example, e.status, e.detail)
            verdicts.append(replace(verdict, seconds=time.monotonic() - began))
            break
        verdicts.append(_judged(example, kind, payload, time.monotonic() - began))
    return verdicts


def _judged(example: CallExample, kind: str, payload: Any, seconds: float) -> Verdict:
    """Compare what came back with what was expected."""
    if kind != "value":
        stop = stopped(kind, payload)
        return replace(_verdict(example, stop.status, stop.detail), seconds=seconds)
    try:
        value = codec.decode(payload)
    except codec.CodecError as e:
        return _verdict(example, Status.TAMPERED, f"a value that is none: {compare.clip(str(e))}")
    passed = compare.comparer(example.comparer)(example, value)
    return Verdict(
        status=Status.PASSED if passed else Status.FAILED,
        input=example.input,
        expected=example.expected,
        got=compare.show(value),
        detail="" if passed else "gave another value",
        seconds=seconds,
    )


def _ended(run: Run, case: Case) -> tuple[Status | None, str]:
    """How a program ended; no status where it ended as programs should."""
    run.allow()
    try:
        run.send(framed(_order(run, case, "program")))
        kind, payload = run.receive()
        if kind != "ended":
            raise stopped(kind, payload)
    except Stopped as e:
        return e.status, e.detail
    return None, ""


def _read(
    example: StdioExample,
    status: Status | None,
    detail: str,
    printed: bytes,
    limit: int,
    seconds: float,
) -> Verdict:
    """Compare what was printed, where the program ended well, with what was expected."""
    text = printed[:limit].decode("utf-8", "replace")
    if len(printed) > limit and status is not Status.TAMPERED:
        status, detail = Status.OUTPUT, f"printed more than {limit} bytes"
    if status is None:
        passed = compare.same_text(example.expected, text, example.comparer)
        status = Status.PASSED if passed else Status.FAILED
        detail = "" if passed else "printed something else"
    got = compare.clip(text)
    return Verdict(status, example.input, example.expected, got, detail, seconds)


def _memory_file(text: str) -> int:
    """A sealed file in memory that holds `text`, read from its start."""
    fd = os.memfd_create("input", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(fd, "wb", closefd=False) as file:
        file.write(text.encode("utf-8", "surrogatepass"))
    os.lseek(fd, 0, os.SEEK_SET)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    return fd


def _forged(example: Example | Suite, forged: Verdict) -> Verdict:
    """The verdict on each example of code that forged one."""
    if isinstance(example, Suite):
        return replace(forged, got=None)
    return _verdict(example, forged.status, forged.detail)


def _verdict(example: Example | Suite, status: Status, detail: str) -> Verdict:
    return Verdict(status, example.input, example.expected, None, detail)
