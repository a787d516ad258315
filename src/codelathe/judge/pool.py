"""SandboxJudge: how many slots, whose turn it is, and the order of answers.

Slots are started when there is work for them: a single case starts one. Several threads
may call `judge` at once; they share the slots, first come, first served.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import cast

from codelathe.core.errors import JudgeError, LanguageError, UsageError
from codelathe.core.judging import Candidate, Case, Isolation, Limits, Verdict
from codelathe.core.problem import CallExample, Suite
from codelathe.judge import isolation, languages
from codelathe.judge.serving import Job, Work, closed, own_slot, result_of
from codelathe.judge.suites import COMPAT, HARDENED, Timed

_MODES = (HARDENED, COMPAT)
_AHEAD = 4096
"""Cases that may be finished and wait for one before them: nothing waits behind a loop."""


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
        self._work = Work(tier, mode)
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
                raise work.refusal or closed()
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
        mine: deque[Job] = deque()
        more = True
        try:
            while True:
                while mine and mine[0].done:
                    yield cast("tuple[Verdict, ...]", result_of(mine.popleft()))
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
        job = self._enlist(Job(Case(candidate, (suite,), limits), values=True))
        try:
            self._wait(deque([job]), more=False)
        finally:
            with self._work.lock:
                self._work.cancel(job)
        return cast("list[Timed]", result_of(job))

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

    def _hungry(self, mine: deque[Job]) -> bool:
        """Whether to read another case. Whoever has none gets one, however long the queue."""
        with self._work.lock:
            waiting = len(self._work.jobs)
        return not mine or (waiting < 2 * self._slots and len(mine) < _AHEAD)

    def _submit(self, case: Case) -> Job:
        job = Job(case)
        try:
            languages.check(case.candidate.language)
        except LanguageError as e:  # told when its turn comes
            job.error = e
            return job
        if not case.examples:
            job.result = ()
            return job
        return self._enlist(job)

    def _enlist(self, job: Job) -> Job:
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

    def _wait(self, mine: deque[Job], more: bool) -> None:
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
            raise closed()

    def _start_slot(self) -> None:
        """Start a thread with its slot; the lock is held."""
        number = os.getpid() + self._work.serving
        processor = self._processors[number % len(self._processors)]
        thread = threading.Thread(
            target=own_slot, args=(self._work, processor), name="codelathe-slot", daemon=True
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


def _processors() -> list[int]:
    usable = getattr(os, "sched_getaffinity", None)
    return sorted(usable(0)) if usable else [0]
