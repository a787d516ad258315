"""Hidden tests: the parent's side of one Suite in one slot.

`hardened` compares here, outside: a candidate's process is given inputs and gives back
values, and neither what is expected nor the test's text is ever in it. `compat` runs the
test in the candidate's process, as OpenAI human-eval does. What does not pass hardened is
tried in compat; where that says 'passed', and hardened denies it again, the code has forged.

The clock is kept here, one for the whole of a test. While a candidate computes, this side
sleeps, and looks now and then whether an answer is wrong already.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from codelathe.core.errors import JudgeError, OutputTooLarge
from codelathe.core.judging import Case, Status, Verdict
from codelathe.core.problem import CallExample, Suite
from codelathe.judge import codec, compare
from codelathe.judge.exchange import (
    FOLDER,
    Run,
    Starter,
    Stopped,
    frame_bytes,
    framed,
    ready,
    stopped,
)
from codelathe.judge.inside.orders import BESIDE
from codelathe.judge.sheet import GIVEN, Sheet

HARDENED, COMPAT = "hardened", "compat"

_PACES = (0.01, 0.2)  # seconds between looks at a candidate that computes: the first, the longest
_SAID = {
    kind: Status(kind)
    for kind in ("passed", "failed", "error", "memory", "output", "tampered", "unjudged")
}
_RECHECKED = (Status.FAILED, Status.ERROR, Status.LEFT)
_EXTRA = "more frames than answers"

Timed = tuple[Any, float]
"""A value, and the seconds that its call took."""
Judged = Callable[[CallExample, Any, float], bool]
"""Whether to go on after a call, what it gave, and the seconds it says it took."""


class SuiteRunner:
    """Takes hidden tests to their verdicts, in one slot."""

    def __init__(self, starter: Starter, mode: str) -> None:
        self._starter = starter
        self._mode = mode

    def run(self, case: Case, suite: Suite) -> Verdict:
        """The verdict of one test.

        Raises:
            ProblemError: an argument of the test is not plain data.
            SlotLost: the warden is gone.
        """
        if self._mode == COMPAT or suite.inside:
            return self._settled(self._compat(case, suite))
        verdict = self._hardened(case, suite)
        if verdict.status not in _RECHECKED or self._starter.aborted:
            return self._settled(verdict)
        if self._compat(case, suite).status is not Status.PASSED:
            return self._settled(verdict)
        again = self._hardened(case, suite)
        if again.status is Status.PASSED:
            return replace(again, flaky=True)
        detail = f"passes only where it decides itself; outside: {again.detail or again.status}"
        return self._settled(replace(again, status=Status.TAMPERED, detail=detail))

    def _settled(self, verdict: Verdict) -> Verdict:
        """An interruption may look like any status."""
        if self._starter.aborted:
            return Verdict(Status.UNJUDGED, detail="interrupted")
        return verdict

    def values(self, case: Case) -> list[Timed]:
        """What the calls of the case's one test gave, and the seconds of each.

        Raises:
            JudgeError: a call gave none; OutputTooLarge where its value is too large.
            SlotLost: the warden is gone.
        """
        (suite,) = case.examples
        assert isinstance(suite, Suite)
        found: list[Timed] = []

        def keep(_: CallExample, value: Any, seconds: float) -> bool:
            found.append((value, seconds))
            return True

        verdict = self._called(case, suite, keep)
        if verdict.status is Status.PASSED:
            return found
        message = (
            f"{case.candidate.entry_point}({verdict.input}) gave no value: "
            f"{verdict.status}, {verdict.detail}"
        )
        if verdict.status is Status.OUTPUT:
            raise OutputTooLarge(message, before=found)
        raise JudgeError(message)

    def _hardened(self, case: Case, suite: Suite) -> Verdict:
        if suite.calls is None:
            return self._general(case, suite)
        same = compare.comparer(suite.comparer)
        return self._called(case, suite, lambda example, value, _: same(example, value))

    def _called(self, case: Case, suite: Suite, judged: Judged) -> Verdict:
        """Make the calls of a test up to the first that `judged` refuses."""
        assert suite.calls is not None
        given = GIVEN.of(suite.calls)
        with Sheet(case) as sheet:
            run = self._starter.start(
                case.limits, case.limits.seconds, sheet.most, (sheet.descriptor,), (BESIDE,)
            )
            try:
                run.allow()
                order = _order(run, case, "suite", case.candidate.code)
                progress = _Progress(run, sheet, suite, judged)
                verdict = progress.follow(framed(order) + given)
                run.finish()
                if verdict.status is Status.PASSED and not (run.silent() and sheet.spent):
                    verdict = Verdict(Status.TAMPERED, detail=_EXTRA)
            finally:
                run.channel.close()
        return _timed(verdict, run)

    def _general(self, case: Case, suite: Suite) -> Verdict:
        """The test in a process of its own, which reaches the candidate by a link."""
        ours, theirs = socket.socketpair()
        limits, runs = case.limits, list[Run]()
        try:
            with ours, theirs:
                for end in (ours, theirs):
                    ends = (end.fileno(),)
                    runs.append(
                        self._starter.start(limits, limits.seconds, FOLDER, ends, (BESIDE,))
                    )
            candidate, test = runs
            test.join(candidate)
            verdict = _tried(candidate, test, case, suite)
            candidate.finish()
            if verdict.status is Status.PASSED and not (candidate.silent() and test.silent()):
                verdict = Verdict(Status.TAMPERED, detail=_EXTRA)
        finally:
            for run in runs:
                run.channel.close()
        return _timed(verdict, candidate)

    def _compat(self, case: Case, suite: Suite) -> Verdict:
        """Code and test in one process, which says itself what came of it."""
        run = self._starter.start(case.limits, case.limits.seconds, FOLDER)
        try:
            run.allow()
            verdict = _told(run, case, suite)
            run.finish()
            if not run.silent():
                verdict = Verdict(Status.TAMPERED, detail=_EXTRA)
        finally:
            run.channel.close()
        return _timed(verdict, run)


def _timed(verdict: Verdict, run: Run) -> Verdict:
    starved = verdict.status is Status.TIMEOUT and run.starved
    return replace(verdict, seconds=run.ended - run.began, starved=starved)


def _order(run: Run, case: Case, kind: str, code: str) -> dict[str, Any]:
    return {
        "nonce": run.word,
        "kind": kind,
        "code": code,
        "entry": case.candidate.entry_point,
        "output": case.limits.output_bytes,
        "value": case.limits.output_bytes,
        "frame": frame_bytes(case.limits),
        "sheet": BESIDE,
    }


def _tried(candidate: Run, test: Run, case: Case, suite: Suite) -> Verdict:
    """What the test's process says, unless the candidate's says something out of turn."""
    candidate.allow()
    test.allow()
    order = _order(test, case, "test", suite.source)
    try:
        candidate.send(framed(_order(candidate, case, "serve", case.candidate.code)))
        test.send(framed({**order, "context": suite.context}))
        kind, payload = candidate.receive()
        if kind != "loaded":
            raise _not_loaded(kind, payload)
        kind, payload = _test_says(candidate, test)
    except Stopped as e:
        return Verdict(e.status, detail=e.detail)
    return Verdict(_SAID[kind], detail=compare.clip(str(payload or "")))


def _test_says(candidate: Run, test: Run) -> tuple[str, Any]:
    """The last word of a test.

    Raises:
        Stopped: the candidate was the first to speak or to end, or there was none in time.
    """
    # In this order: when the test ends, its last word is there before the candidate ends too.
    speaking = ready([candidate, test], test.deadline - time.monotonic())
    if speaking == [candidate]:
        candidate.receive()
        raise Stopped(Status.TAMPERED, _EXTRA)
    kind, payload = test.receive()
    if kind == "gone":
        raise candidate.gone()
    if kind not in _SAID:
        raise Stopped(Status.UNJUDGED, "the test's process said what it should not")
    return kind, payload


def _not_loaded(kind: str, payload: Any) -> Stopped:
    if kind == "unloaded" and type(payload) is list and len(payload) == 2:
        return stopped(str(payload[0]), payload[1])
    return stopped(kind, payload)


def _told(run: Run, case: Case, suite: Suite) -> Verdict:
    try:
        run.send(framed(_order(run, case, "compat", f"{case.candidate.code}\n{suite.source}")))
        kind, payload = run.receive()
        if kind == "passed":
            return Verdict(Status.PASSED)
        if kind == "failed" and type(payload) is str:
            return Verdict(Status.FAILED, detail=compare.clip(payload))
        raise stopped(kind, payload)
    except Stopped as e:
        return Verdict(e.status, detail=e.detail)


@dataclass(slots=True)
class _Progress:
    """How far a candidate has come with the calls of a test."""

    run: Run
    sheet: Sheet
    suite: Suite
    judged: Judged
    done: int = 0
    since: float = field(default_factory=time.monotonic)

    def follow(self, orders: bytes) -> Verdict:
        """The verdict, as soon as it is clear."""
        try:
            self.run.send(orders)
            wrong = self._look_on()
            if wrong is None:
                self._end()
        except Stopped as e:
            wrong = self._wrong() if e.status is Status.TIMEOUT else None
            return wrong or self._verdict(e.status, e.detail)
        return wrong or Verdict(Status.PASSED)

    def _look_on(self) -> Verdict | None:
        """Wait until the candidate has ended; before, where an answer is wrong."""
        pace, slowest = _PACES
        while True:
            ended = self.run.wait(pace)
            wrong = self._wrong()
            if wrong is not None or ended:
                return wrong
            limit = self.suite.call_seconds
            if 0 < limit < time.monotonic() - self.since:
                raise Stopped(Status.TIMEOUT, f"no answer to this call within {limit:g} s")
            pace = min(2 * pace, slowest)

    def _wrong(self) -> Verdict | None:
        """Take the answers that have come; a verdict where one is wrong."""
        calls: Sequence[CallExample] = self.suite.calls or ()
        while self.done < len(calls) and (answer := self.sheet.read()) is not None:
            example = calls[self.done]
            value, seconds = _opened(answer)
            if not self.judged(example, value, seconds):
                got = compare.show(value)
                return replace(self._verdict(Status.FAILED, "gave another value"), got=got)
            self.done += 1
            self.since = time.monotonic()
        return None

    def _end(self) -> None:
        """Read what the candidate says at its end.

        Raises:
            Stopped: it is not that it has answered every call.
        """
        kind, payload = self.run.receive()
        if kind == "unloaded" and not self.done:
            self.done = -1  # it did not come to any call
        if kind != "done":
            raise _not_loaded(kind, payload)
        if self.done < len(self.suite.calls or ()):
            raise Stopped(Status.TAMPERED, "fewer answers than calls")

    def _verdict(self, status: Status, detail: str) -> Verdict:
        """A verdict that tells of the call at hand."""
        calls: Sequence[CallExample] = self.suite.calls or ()
        if not 0 <= self.done < len(calls):
            return Verdict(status, detail=detail)
        return Verdict(status, calls[self.done].input, calls[self.done].expected, None, detail)


def _opened(answer: Any) -> Timed:
    """The value in an answer, and the seconds that it says its call took.

    Raises:
        Stopped: it is none.
    """
    if type(answer) is not list or len(answer) != 2 or type(answer[0]) is not int:
        raise Stopped(Status.TAMPERED, "an answer that is none")
    try:
        return codec.decode(answer[1]), answer[0] / 1e6
    except codec.CodecError as e:
        detail = f"a value that is none: {compare.clip(str(e))}"
        raise Stopped(Status.TAMPERED, detail) from e
