"""How judging a samples file looks: a bar with the passes so far, then scores and counts.

Nothing is drawn for a run that is done in a moment, and nothing is imported for it either.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from codelathe.cli.console import Output, printable
from codelathe.cli.progress import CountBar
from codelathe.core.judging import Status
from codelathe.evaluation.judging import Listener, Progress
from codelathe.evaluation.rows import Again
from codelathe.evaluation.summary import Summary

_MOMENT = 0.5
_BETWEEN = 0.1
_BETWEEN_LINES = 10.0
_STAGES = {None: "judging", Again.REPEAT: "repeating", Again.ALONE: "alone"}
_COLOURS = {Status.PASSED: "green", Status.TAMPERED: "magenta", Status.UNJUDGED: "yellow"}


@contextmanager
def watching(output: Output) -> Iterator[Listener]:
    """A listener that draws on standard error as `output` allows."""
    if output.quiet:
        yield Listener()
        return
    if not sys.stderr.isatty():
        yield Listener(_Lines(output).hear)
        return
    bar = _Bar(output)
    try:
        yield Listener(bar.hear)
    finally:
        bar.close()


class _Pace:
    """How fast a stage goes, from its first word on."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._first = Progress(None, 0, 0, 0)

    def begin(self, progress: Progress) -> None:
        self._began, self._first = time.monotonic(), progress

    def rate(self, progress: Progress) -> float:
        """Samples a second; those of earlier sessions are not this one's."""
        return (progress.done - self._first.done) / max(time.monotonic() - self._began, 1e-3)

    def told(self, progress: Progress) -> str:
        rate = self.rate(progress)
        left = (progress.total - progress.done) / rate if rate else 0.0
        return f"{progress.passed} passed, {rate:,.0f}/s, {clock(left)} left"


class _Lines:
    """For logs: a line now and then."""

    def __init__(self, output: Output) -> None:
        self._say = output.say
        self._pace = _Pace()
        self._next = 0.0

    def hear(self, progress: Progress) -> None:
        now = time.monotonic()
        if not progress.done or not self._next:
            self._pace.begin(progress)
            self._next = now + _BETWEEN_LINES
        elif now >= self._next:
            self._next = now + _BETWEEN_LINES
            stage = _STAGES[progress.stage]
            self._say(f"{stage} {progress.done}/{progress.total}, {self._pace.told(progress)}")


class _Bar:
    """For a terminal, once a run has taken longer than a moment."""

    def __init__(self, output: Output) -> None:
        self._bar = CountBar(output)
        self._stage: Again | None = None
        self._pace = _Pace()
        self._next = 0.0

    def hear(self, progress: Progress) -> None:
        now = time.monotonic()
        if not self._next:
            self._pace.begin(progress)
            self._next = now + _MOMENT
        elif progress.stage is not self._stage:
            self._stage = progress.stage
            self._pace.begin(progress)
        elif now >= self._next:
            self._next = now + _BETWEEN
            self._draw(progress)

    def _draw(self, progress: Progress) -> None:
        stage, told = _STAGES[progress.stage], self._pace.told(progress)
        self._bar.draw(progress.done, progress.total, stage, told)

    def close(self) -> None:
        """Take the bar off the screen."""
        self._bar.close()


def show_summary(summary: Summary, verdicts: Path) -> None:
    """Scores, counts, the speed of judging and where the rows are, on standard output."""
    show_scores(summary)
    rate = summary.samples / summary.seconds if summary.seconds else 0.0
    click.echo(f"{summary.seconds:.1f} s, {rate:,.0f} samples/s; {printable(str(verdicts))}")


def show_scores(summary: Summary) -> None:
    """Scores with intervals, counts by status, and what to know of them, on standard output."""
    signature = summary.signature
    click.echo(
        f"{printable(signature.benchmark)}: {_count(summary.samples, 'sample')}, "
        f"{_count(summary.problems, 'problem')}, {signature.mode}, isolation {signature.isolation}"
    )
    for name, score in summary.scores.items():
        low, high = score.interval
        value = click.style(f"{score.value:7.2%}", bold=True)
        click.echo(f"  {name:<14} {value}   95% in {low:.1%} to {high:.1%}")
    for status in Status:
        if count := summary.counts.get(str(status), 0):
            click.echo(f"  {click.style(f'{status:<14}', fg=_COLOURS.get(status))} {count:6,}")
    for line in _remarks(summary):
        click.echo(line)


def _remarks(summary: Summary) -> Iterator[str]:
    """What a reader of the scores has to know."""
    if summary.unattempted:
        yield (
            f"{_count(summary.unattempted, 'problem')} of the benchmark without a sample: "
            f"the scores are over the other {summary.problems}"
        )
    if unjudged := summary.counts.get(str(Status.UNJUDGED), 0):
        yield f"{_count(unjudged, 'sample')} could not be judged, and count in no score"
    if summary.unscored:
        names = ", ".join(f"pass@{k}" for k in summary.unscored)
        yield f"no {names}: a problem is left with fewer samples that were judged"
    if summary.flaky:
        yield f"{_count(summary.flaky, 'sample')} flaky: run again, it came to something else"
    if summary.starved:
        yield (
            f"{_count(summary.starved, 'timeout')} of a busy machine, also when run alone: "
            "judge again when it is quiet"
        )
    if summary.copies:
        yield f"{_count(summary.copies, 'sample')} of the same code as another, judged once"
    if summary.signature.mode == "compat":
        yield "mode compat: these verdicts can be forged by the code they are about"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def clock(seconds: float) -> str:
    """`2:05`, or `1:02:05`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
