"""How fetching looks: a bar with speed and time left on a terminal, else a line now and then.

All of it goes to standard error; with `--quiet` there is none.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from codelathe.cli.console import Output, printable

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from codelathe.store import Progress

_TENTH = 10
_MOMENT = 0.5
_BETWEEN = 0.1
_BETWEEN_LINES = 10.0


class Count(Protocol):
    """Is told of a stage, how many of how many are done, and some words more."""

    def __call__(self, stage: str, done: int, total: int, told: str = "", /) -> None:
        """Show it, where there is time to."""


@contextmanager
def fetching(output: Output) -> Iterator[Progress]:
    """A store's Progress, drawn from the first byte that is fetched to the end of the block."""
    if output.quiet:
        from codelathe.store import Silent

        yield Silent()
        return
    if not output.margin().is_terminal:
        yield _Lines(output)
        return
    bar = _Bar(output)
    try:
        yield bar
    finally:
        bar.close()


@contextmanager
def counting(output: Output) -> Iterator[Count]:
    """A bar on a terminal, else a line now and then, once it takes longer than a moment."""
    if output.quiet:
        yield lambda *_: None
        return
    bar = CountBar(output) if sys.stderr.isatty() else None
    upcoming = time.monotonic() + (_MOMENT if bar else _BETWEEN_LINES)

    def count(stage: str, done: int, total: int, told: str = "", /) -> None:
        nonlocal upcoming
        now = time.monotonic()
        if now < upcoming:
            return
        upcoming = now + (_BETWEEN if bar else _BETWEEN_LINES)
        if bar:
            bar.draw(done, total, stage, told)
        else:
            output.say(f"{stage} {done:,}/{total:,} {told}".rstrip())

    try:
        yield count
    finally:
        if bar:
            bar.close()


def human_bytes(count: float) -> str:
    """`1.12 GB`: powers of 1000, three digits."""
    if count < 1000:
        return f"{count:.0f} bytes"
    units = iter(("kB", "MB", "GB", "TB"))
    unit = next(units)
    count /= 1000
    while count >= 999.5 and unit != "TB":
        unit = next(units)
        count /= 1000
    return f"{count:.3g} {unit}"


class _Lines:
    """For logs: one line a tenth."""

    def __init__(self, output: Output) -> None:
        self._say = output.say
        self._name = ""
        self._total = 0
        self._tenth = 0

    def started(self, name: str, total: int | None) -> None:
        self._name, self._total, self._tenth = name, total or 0, 0
        size = f" ({human_bytes(total)})" if total else ""
        self._say(f"fetching {printable(name)}{size}")

    def source(self, name: str) -> None:
        self._say(f"  from the source {name}")

    def advanced(self, done: int) -> None:
        tenth = done * _TENTH // self._total if self._total else 0
        if tenth > self._tenth:
            self._say(f"  {tenth * _TENTH}%  {human_bytes(done)}")
            self._tenth = tenth

    def note(self, text: str) -> None:
        self._say(f"  {printable(text)}")


class _Bar:
    """For a terminal. The bar is made when there is something to fetch."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._rich: RichProgress | None = None
        self._task: TaskID | None = None

    def started(self, name: str, total: int | None) -> None:
        from rich.markup import escape

        bar = self._open()
        if self._task is None:
            self._task = bar.add_task("", total=total, source="", name=escape(printable(name)))
        else:
            bar.reset(self._task, total=total, name=escape(printable(name)))

    def source(self, name: str) -> None:
        if self._task is not None:
            self._open().update(self._task, source=name)

    def advanced(self, done: int) -> None:
        if self._task is not None:
            self._open().update(self._task, completed=done)

    def note(self, text: str) -> None:
        from rich.markup import escape

        bar = self._rich
        console = self._output.margin() if bar is None else bar.console
        console.print(f"[dim]{escape(printable(text))}[/dim]")

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._rich is not None:
            self._rich.stop()

    def _open(self) -> RichProgress:
        if self._rich is None:
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
                TransferSpeedColumn,
            )

            self._rich = Progress(
                TextColumn("{task.fields[name]} [dim]{task.fields[source]}[/dim]"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=self._output.margin(),
                transient=True,
            )
            self._rich.start()
        return self._rich


class CountBar:
    """So many of so many, with the stage before the bar and some words behind it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._rich: RichProgress | None = None
        self._task: TaskID | None = None

    def draw(self, done: int, total: int, stage: str, told: str) -> None:
        """Show how far it is; the bar appears with the first time."""
        bar = self._open()
        if self._task is None:
            self._task = bar.add_task("", stage="", told="")
        bar.update(self._task, completed=done, total=total, stage=stage, told=told)

    def say(self, message: str) -> None:
        """A message above the bar."""
        self._open().console.print(printable(message), markup=False)

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._rich is not None:
            self._rich.stop()
            self._rich = None

    def _open(self) -> RichProgress:
        if self._rich is None:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self._rich = Progress(
                TextColumn("{task.fields[stage]}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[told]}"),
                console=self._output.margin(),
                transient=True,
            )
            self._rich.start()
        return self._rich
