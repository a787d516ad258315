"""The threads that own slots, and what they share with those who ask for verdicts.

One thread owns its slots, since the kernel ends a slot when its thread ends. It starts with
a slot for plain Python and opens those of other kinds when there is work for them.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Sequence

from codelathe.core.errors import IsolationError, JudgeError
from codelathe.core.judging import Case, Isolation, Status, Verdict
from codelathe.judge import isolation, languages
from codelathe.judge.slot import Sandbox, SlotLost
from codelathe.judge.suites import Timed

_TRIES = 2
_REOPEN_SECONDS = (0.1, 1.0)
"""Pauses before a slot that could be started once is tried again."""

Result = Sequence[Verdict] | Sequence[Timed]


class Job:
    """A case on its way to its verdicts, or to its `values`."""

    def __init__(self, case: Case, values: bool = False) -> None:
        self.case = case
        self.values = values
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.runner: languages.Runner | None = None
        self.cancelled = False

    @property
    def done(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.result is not None or self.error is not None


class Work:
    """What callers and slots share, under one lock."""

    def __init__(self, tier: str | None, mode: str) -> None:
        self.lock = threading.Lock()
        self.wanted = threading.Condition(self.lock)
        self.changed = threading.Condition(self.lock)
        self.jobs: deque[Job] = deque()
        self.serving = 0
        self.idle = 0
        self.closed = False
        self.tier = tier
        self.mode = mode
        self.isolation: Isolation | None = None
        self.refusal: JudgeError | None = None
        self.running: set[Job] = set()
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

    def cancel(self, job: Job) -> None:
        """End a job early; the lock is held."""
        job.cancelled = True
        if job in self.jobs:
            self.jobs.remove(job)
            job.error = closed()
        if job.runner is not None:
            job.runner.abort()


def closed() -> JudgeError:
    """What to tell whoever asks a judge that was closed."""
    return JudgeError("the judge was closed", hint="make a new one")


def result_of(job: Job) -> Result:
    """What came of a job that is done; raises what it ended with."""
    if job.error is not None:
        raise job.error
    assert job.result is not None
    return job.result


def own_slot(work: Work, processor: int) -> None:
    """A slot's thread: take jobs until the judge is closed. It counts as idle when it starts."""
    if hasattr(os, "sched_setaffinity"):  # of this thread alone: beside the candidates it waits for
        os.sched_setaffinity(0, [processor])
    slots = _Slots(work, processor)
    try:
        slots.of(languages.FIRST)
        while (job := _next(work)) is not None:
            _serve(work, job, slots)
    except IsolationError as e:
        _leave(work, e)
    except BaseException as e:
        _leave(work, JudgeError(f"a slot of the judge failed: {type(e).__name__}: {e}"))
        raise
    finally:
        slots.kill()


class _Slots:
    """The slots of one thread: one of each kind that it had work for."""

    def __init__(self, work: Work, processor: int) -> None:
        self._work = work
        self._processor = processor
        self._open: dict[str, Sandbox] = {}

    def of(self, kind: str) -> Sandbox:
        """The slot of that kind.

        Raises:
            IsolationError: there is none.
        """
        if kind not in self._open:
            self._open[kind] = _open(self._work, kind, self._processor)
        return self._open[kind]

    def drop(self, kind: str) -> None:
        """End the slot of that kind; a fresh one is started when it is asked for."""
        slot = self._open.pop(kind, None)
        if slot is not None:
            slot.kill()

    def refresh(self, kind: str) -> None:
        """Have a fresh slot where this one is worn."""
        if kind in self._open and self._open[kind].worn:
            self.drop(kind)
            self.of(kind)

    def kill(self) -> None:
        """End all."""
        for kind in list(self._open):
            self.drop(kind)


def _open(work: Work, kind: str, processor: int) -> Sandbox:
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
            slot, found = isolation.open_slot(tier, [processor], languages.maker(kind))
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


def _leave(work: Work, error: JudgeError) -> None:
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


def _next(work: Work) -> Job | None:
    with work.lock:
        while not work.jobs and not work.closed:
            work.wanted.wait()
        if work.closed:
            return None
        work.idle -= 1
        job = work.jobs.popleft()
        work.running.add(job)
        return job


def _serve(work: Work, job: Job, slots: _Slots) -> None:
    """Run a job, in a fresh slot if the first is lost under it.

    Raises:
        IsolationError: there is no slot for anything any more. The job is finished.
    """
    result: Result | None = None
    error: BaseException | None = None
    try:
        kind = languages.slot(job.case)
        for _ in range(_TRIES):
            try:
                result = _run(work, job, slots.of(kind))
                break
            except (SlotLost, OSError):
                slots.drop(kind)
            except BaseException as e:  # -- the caller's thread raises it
                if isinstance(e, IsolationError) and kind == languages.FIRST:
                    raise
                error = e
                break
        slots.refresh(kind)
    finally:
        _finish(work, job, result, error)


def _run(work: Work, job: Job, slot: Sandbox) -> Result:
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
    work: Work,
    job: Job,
    result: Result | None,
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
