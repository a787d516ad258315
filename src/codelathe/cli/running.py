"""How an evaluation looks while it runs, and what it says in the end.

A bar where there is a terminal, a line now and then where there is none, nothing with
`--quiet`. The time left is that of writing: judging keeps up with it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from codelathe.cli.console import Output, printable
from codelathe.cli.progress import CountBar
from codelathe.cli.verdicts import clock, show_scores
from codelathe.evaluation.evaluating import Evaluated, Hearing, Planned, Standing

_BETWEEN = 0.2
_BETWEEN_LINES = 10.0


@contextmanager
def running(output: Output) -> Iterator[Hearing]:
    """What an evaluation tells its progress to; drawn on standard error."""
    if output.quiet:
        yield Hearing()
        return
    if not sys.stderr.isatty():
        yield Hearing(_Lines(output).hear, lambda told: output.say(printable(told)))
        return
    bar = _Bar(output)
    try:
        yield Hearing(bar.hear, bar.say)
    finally:
        bar.close()


def _told(now: Standing) -> str:
    """Passes so far, speed, and the time that is left."""
    if now.stage == "solutions":
        return "the benchmark's own solutions"
    judging = now.stage in ("writing", "judging")  # else rows run again, which were counted
    parts = [f"{now.passed} of {now.judged} passed" if judging else f"{now.passed} passed"]
    if now.seconds and now.tokens:
        parts.append(f"{now.tokens / now.seconds:,.0f} tokens/s")
    if now.stage == "writing" and now.answers:
        left = (now.total - now.written) * now.seconds / now.answers
        parts.append(f"{clock(left)} left")
    return ", ".join(parts)


def _done(now: Standing) -> int:
    return now.written if now.stage == "writing" else now.judged


class _Lines:
    """For logs."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._next = time.monotonic() + _BETWEEN_LINES
        self._lock = threading.Lock()

    def hear(self, now: Standing) -> None:
        """A line, where the last one is a while ago."""
        with self._lock:
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + _BETWEEN_LINES
        self._output.say(f"{now.stage} {_done(now)}/{now.total}, {_told(now)}")


class _Bar:
    """For a terminal. Two threads tell of their progress."""

    def __init__(self, output: Output) -> None:
        self._bar = CountBar(output)
        self._next = 0.0
        self._lock = threading.Lock()

    def hear(self, now: Standing) -> None:
        """Draw, a few times a second."""
        with self._lock:
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + _BETWEEN
            self._bar.draw(_done(now), now.total, now.stage, _told(now))

    def say(self, message: str) -> None:
        """A message above the bar."""
        with self._lock:
            self._bar.say(message)

    def close(self) -> None:
        """Take the bar off the screen."""
        with self._lock:
            self._bar.close()


def show_evaluated(evaluated: Evaluated, planned: Planned) -> None:
    """Who was asked and how, then scores and counts, on standard output."""
    asking = planned.asking
    drawn = "greedy" if asking.temperature == 0 else f"temperature {asking.temperature}"
    if asking.temperature is None:
        drawn = "its own temperature"
    protocol = f"{asking.protocol['name']} v{asking.protocol['version']}"
    click.echo(
        printable(
            f"{asking.model} by {asking.engine}, {protocol}, {drawn}, "
            f"at most {asking.max_tokens} tokens"
        )
    )
    show_scores(evaluated.summary)
    told = evaluated.story["generation"]
    speed = f", {told['tokens_per_second']:,.0f} tokens/s" if told["tokens_per_second"] else ""
    click.echo(
        f"{evaluated.summary.seconds:.1f} s, {told['completion_tokens']:,} tokens written in "
        f"{told['seconds']:.1f} s{speed}"
    )
    if cut := told["finish_reasons"].get("length"):
        answers = "answer was" if cut == 1 else "answers were"
        click.echo(f"{cut:,} {answers} cut at {asking.max_tokens} tokens")
    if failing := evaluated.story["own_solutions_failing"]:
        names = printable(", ".join(failing))
        click.echo(f"the benchmark's own solutions do not pass here for: {names}")
    click.echo(f"one by one: lathe board show {printable(str(evaluated.folder))}")
