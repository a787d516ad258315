"""Samples judged to a verdicts file and a summary, also while they are still being written.

All samples are judged in the order they come in, and their rows written as they come. Then
some are run again: twice where the program depends on chance, to find those that answer
differently; and alone, with nothing beside, where a timeout came of a busy machine or the
sandbox itself failed. What is in memory does not grow with the number of samples.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, TypeVar

from codelathe.benchmarks.base import Benchmark
from codelathe.core.errors import UsageError
from codelathe.core.judging import Candidate, Case, Isolation, Judge, Status
from codelathe.evaluation.chance import depends_on_chance
from codelathe.evaluation.growing import NOTED
from codelathe.evaluation.ledger import Ledger
from codelathe.evaluation.rows import Again, Outcome, Row
from codelathe.evaluation.samples import Sample, SamplesFile, Source, take_census
from codelathe.evaluation.signature import (
    Asking,
    Signature,
    isolated,
    limits_of,
    sign,
    signature_document,
)
from codelathe.evaluation.stream import Job, Memory, outcomes, program_key
from codelathe.evaluation.summary import Summary, summary_document, tally
from codelathe.metrics.pass_at_k import usable_k

Tag = TypeVar("Tag")

_REPEATS = 2


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be judged, checked as far as that can be done without running anything."""

    benchmark: Benchmark
    source: Source
    ks: tuple[int, ...]
    timeout: float | None = None
    asking: Asking | None = None

    @property
    def samples(self) -> int:
        """How many samples there are, or will be."""
        return sum(self.source.counts.values())

    @property
    def missing(self) -> int:
        """Problems of the benchmark without a sample."""
        return len(self.benchmark.tasks) - len(self.source.counts)

    def signature(self, mode: str) -> Signature:
        """What the scores will depend on; the isolation is not known yet."""
        return sign(self.benchmark, mode, self.timeout, self.asking)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. `stage` is None for the first pass over all samples."""

    stage: Again | None
    done: int
    total: int
    passed: int


@dataclass(frozen=True, slots=True)
class Listener:
    """Is told how a run goes on: at the start of each stage, and after each sample."""

    progress: Callable[[Progress], None] = field(default=lambda _: None)


def plan(
    benchmark: Benchmark,
    samples: Path,
    ks: tuple[int, ...] | None = None,
    timeout: float | None = None,
) -> Work:
    """Read `samples` once and see whether they can be judged and scored.

    `timeout` is a wall limit in seconds in place of the tasks' own.

    Raises:
        ProblemError: the samples cannot be read, or a line of them not be judged.
        UsageError: a k that there are not enough samples for, a timeout that makes no sense.
    """
    try:
        limits_of(next(iter(benchmark.tasks.values())).limits, timeout)
    except UsageError as error:
        raise UsageError(
            f"a timeout of {timeout} s cannot be kept: {error.message}",
            hint="name seconds, for example --timeout 10",
            field="timeout",
        ) from None
    census = take_census(samples, benchmark)
    source = SamplesFile(samples, benchmark, census)
    return Work(benchmark, source, usable_k([*census.counts.values()], ks), timeout)


def open_ledger(work: Work, mode: str, verdicts: Path, result: Path) -> Ledger:
    """The files of a run, gone on with where they are of this very work.

    Raises:
        UsageError: the files are of something else.
        InUse: another process is at them.
        LatheError: they cannot be written.
    """
    settings = {**run_settings(work.signature(mode)), **work.source.settings}
    return Ledger(verdicts, result, settings, work.benchmark.tests)


def run_settings(signature: Signature) -> dict[str, Any]:
    """What a run is only gone on with under: its signature but for what is found out later."""
    settings = signature_document(signature)
    for found_out_later in ("isolation", "missing"):
        del settings[found_out_later]
    return settings


def judge_samples(
    work: Work, judge: Judge, ledger: Ledger, listener: Listener = Listener()
) -> Summary:
    """Judge what is not judged yet, and sum up. A finished run is only summed up.

    Raises:
        ProblemError: the samples changed since they were looked at.
        JudgeError: this machine cannot isolate code, or has no judge for the language.
        DiskFull: what was judged is kept.
    """
    if ledger.finished is None:
        _Run(work, judge, ledger, listener).whole()
    summary = _sum_up(work, judge.name, ledger)
    document = {**summary_document(summary), **work.source.story(ledger.finished)}
    if ledger.finished is None or any(ledger.finished.get(k) != v for k, v in document.items()):
        ledger.finish(document)
    return summary


def _sum_up(work: Work, mode: str, ledger: Ledger) -> Summary:
    counted = tally(ledger.rows())
    signature, seconds, copies = _history(ledger)
    return Summary(
        samples=counted.counts.total(),
        problems=counted.problems,
        unattempted=work.missing,
        scores=counted.scores(work.ks, work.benchmark.tests),
        unscored=counted.unscored(work.ks),
        counts=counted.counts,
        flaky=counted.flaky,
        starved=counted.starved,
        copies=copies,
        seconds=seconds,
        signature=isolated(work.signature(mode), signature),
    )


def _history(ledger: Ledger) -> tuple[Isolation, float, int]:
    """The isolation, the seconds and the copies of all sessions of a run together."""
    done = ledger.finished
    if done is not None:
        told = done["signature"]
        return Isolation(told["isolation"], tuple(told["missing"])), done["seconds"], done["copies"]
    tiers = {note["tier"] for note in ledger.notes if "tier" in note}
    missing = {name for note in ledger.notes for name in note.get("missing", ())}
    seconds = sum(note.get("seconds", 0.0) for note in ledger.notes)
    copies = max((note.get("copies", 0) for note in ledger.notes), default=0)
    return Isolation(" and ".join(sorted(tiers)), tuple(sorted(missing))), seconds, copies


class _Run:
    """One session of a run that is not finished."""

    def __init__(self, work: Work, judge: Judge, ledger: Ledger, listener: Listener) -> None:
        self._work = work
        self._judge = judge
        self._ledger = ledger
        self._listener = listener
        self._memory = Memory()
        self._total = work.samples
        self._passed = 0
        self._since = time.monotonic()

    def whole(self) -> None:
        """Everything that is left to do, down to the last row."""
        ledger = self._ledger
        isolation = self._judge.isolation
        ledger.note({"tier": isolation.tier, "missing": list(isolation.missing)})
        try:
            self._judge_the_rest()
            self._run_again(Again.REPEAT, self._repeated)
            self._run_again(Again.ALONE, self._alone)
            ledger.settle()
        finally:
            self._note_seconds()

    def _note_seconds(self) -> None:
        """Keep the seconds since the last note."""
        now = time.monotonic()
        seconds = round(now - self._since, 3)
        self._ledger.note({"seconds": seconds, "copies": self._memory.copies})
        self._since = now

    def _judge_the_rest(self) -> None:
        """Judge the samples that have no row yet."""
        ledger, source = self._ledger, self._work.source
        for row, sample in self._paired(islice(source.read(), ledger.count)):
            self._remember(sample, row)
        self._tell(None, ledger.count, self._total)
        for samples in source.rounds(ledger.count):
            self._judge_round(samples)
        if ledger.count != self._total:
            raise self._broken()

    def _judge_round(self, samples: Iterator[Sample]) -> None:
        def jobs() -> Iterator[Job[tuple[str, int, bool]]]:
            for sample in samples:
                tag = (sample.task_id, sample.number, depends_on_chance(sample.code))
                yield self._job(tag, sample)

        for (task_id, number, chancy), found in outcomes(self._judge, jobs(), self._memory):
            self._ledger.append(Row(task_id, number, found, _again(found, chancy)))
            self._passed += found.status is Status.PASSED
            self._tell(None, self._ledger.count, self._total)

    def _run_again(
        self, why: Again, runs: Callable[[Memory], Iterator[tuple[int, Row, Row]]]
    ) -> None:
        """Run the samples again that are marked for it, and note what they are to become."""
        total = sum(1 for _ in self._marked(why))
        if not total:
            return
        self._tell(why, 0, total)
        for done, (index, before, after) in enumerate(runs(Memory()), 1):
            self._ledger.amend(index, after)
            self._passed += after.outcome.status is Status.PASSED
            self._passed -= before.outcome.status is Status.PASSED
            self._tell(why, done, total)

    def _repeated(self, memory: Memory) -> Iterator[tuple[int, Row, Row]]:
        """Rows before and after: flaky where one more run came to another status."""

        def jobs() -> Iterator[Job[tuple[int, Row]]]:
            for index, row, sample in self._marked(Again.REPEAT):
                for run in range(1, _REPEATS + 1):
                    yield self._job((index, row), sample, run)

        stream = outcomes(self._judge, jobs(), memory)
        for (index, row), found in stream:
            first = row.outcome
            runs = [found, *(other for _, other in islice(stream, _REPEATS - 1))]
            flaky = first.flaky or any(o.flaky or o.status is not first.status for o in runs)
            yield index, row, replace(row, outcome=replace(first, flaky=flaky), again=None)

    def _alone(self, memory: Memory) -> Iterator[tuple[int, Row, Row]]:
        """Rows before and after: what came of a run that nothing was run beside."""
        for index, row, sample in self._marked(Again.ALONE):
            job = self._job(None, sample)
            ((_, found),) = outcomes(self._judge, [job], memory)
            yield index, row, replace(row, outcome=found, again=None)

    def _marked(self, why: Again) -> Iterator[tuple[int, Row, Sample]]:
        """Rows that are to be run again for this reason and were not yet."""
        for index, (row, sample) in enumerate(self._paired(self._work.source.read())):
            if row.again is why and not self._ledger.amended(index):
                yield index, row, sample

    def _paired(self, samples: Iterable[Sample]) -> Iterator[tuple[Row, Sample]]:
        """The rows so far, each with its sample.

        Raises:
            ProblemError: they do not belong together.
        """
        for row, sample in zip_longest(self._ledger.rows(), samples):
            if (
                not row
                or not sample
                or (row.task_id, row.sample) != (sample.task_id, sample.number)
            ):
                raise self._broken()
            yield row, sample

    def _broken(self) -> Exception:
        return self._work.source.broken(self._ledger.path)

    def _job(self, tag: Tag, sample: Sample, run: int = 0) -> Job[Tag]:
        task = self._work.benchmark.tasks[sample.task_id]
        problem = task.problem
        case = Case(
            Candidate(sample.code, problem.language, problem.entry_point),
            (*problem.examples, *problem.tests),
            limits_of(task.limits, self._work.timeout),
        )
        return Job(tag, case, program_key(sample.task_id, sample.code, run))

    def _remember(self, sample: Sample, row: Row) -> None:
        """Take in a row that an earlier session wrote."""
        self._passed += row.outcome.status is Status.PASSED
        key = program_key(sample.task_id, sample.code)
        if self._memory.find(key) is not None:
            self._memory.copies += 1
        else:
            self._memory.add(key).outcome = row.outcome

    def _tell(self, stage: Again | None, done: int, total: int) -> None:
        if time.monotonic() - self._since >= NOTED:
            self._note_seconds()
        self._listener.progress(Progress(stage, done, total, self._passed))


def _again(found: Outcome, chancy: bool) -> Again | None:
    """Whether a first run is not the last word."""
    if found.starved or found.status is Status.UNJUDGED:
        return Again.ALONE
    return Again.REPEAT if chancy and found.status is not Status.TIMEOUT else None
