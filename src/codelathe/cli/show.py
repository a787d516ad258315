"""How a problem's solving looks in a terminal: the code while it is written, then the proof."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from codelathe.cli.console import Output, printable
from codelathe.core.judging import Status, Verdict

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.live import Live

    from codelathe.core.proof import Proof
    from codelathe.synthesis.solve import Listener, Outcome

_SHOWN = 60
_FRAMES_PER_SECOND = 12


class CodeStream:
    """The answer as it grows, redrawn in place; cleared when the result is printed."""

    def __init__(self, live: Live, language: str) -> None:
        self._live = live
        self._language = language
        self._text = ""
        self._note = "loading the model"
        self._drawn = 0.0

    @property
    def listener(self) -> Listener:
        """What `solve` tells its progress to."""
        from codelathe.synthesis.solve import Listener

        return Listener(writing=self._write, trying=self._try)

    def _write(self, text: str) -> None:
        self._text, self._note = text, "writing"
        if time.monotonic() - self._drawn > 1 / _FRAMES_PER_SECOND:
            self._draw()

    def _try(self, done: int, total: int) -> None:
        self._note = f"not proved yet: candidate {done} of {total}"
        self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        self._live.update(self._view(), refresh=True)

    def _view(self) -> Group:
        from rich.console import Group
        from rich.spinner import Spinner
        from rich.syntax import Syntax

        room = max(4, self._live.console.height - 4)
        tail = "\n".join(printable(self._text).split("\n")[-room:])
        code = Syntax(tail, self._language, theme="ansi_dark", background_color="default")
        return Group(code, Spinner("dots", text=self._note, style="cyan"))


@contextmanager
def watching(output: Output, language: str) -> Iterator[Listener]:
    """A listener that shows progress as `output` allows: live on a terminal, else a line."""
    from codelathe.synthesis.solve import Listener

    if not output.live:
        yield Listener(trying=lambda done, total: output.say(f"candidate {done} of {total}"))
        return
    from rich.live import Live

    with Live(console=output.screen(), transient=True, auto_refresh=False) as live:
        yield CodeStream(live, language).listener


def show_outcome(outcome: Outcome, output: Output) -> None:
    """The code on standard output, highlighted on a terminal; the proof after it."""
    screen = output.screen()
    show_code(screen, outcome.solution.case.candidate.code, outcome.problem.language)
    if output.quiet:
        return
    margin = output.margin()
    margin.print()
    for verdict in outcome.solution.verdicts:
        show_verdict(margin, verdict)
    show_proof(margin, outcome.solution.proof, outcome.reason)
    tokens = sum(c.completion_tokens for c in outcome.completions)
    count = len(outcome.completions)
    margin.print(
        f"[dim]{outcome.model}, {count} candidate{'s' if count != 1 else ''}, "
        f"{tokens} tokens, {outcome.seconds:.1f} s[/dim]"
    )


def show_code(console: Console, code: str, language: str) -> None:
    """`code` highlighted on a terminal, and plain, byte for byte, anywhere else."""
    if not console.is_terminal:
        console.file.write(code + "\n")
        return
    from rich.syntax import Syntax

    console.print(Syntax(printable(code), language, theme="ansi_dark", background_color="default"))


def show_verdict(console: Console, verdict: Verdict) -> None:
    """One line for an example; what was expected and got where it did not pass."""
    from rich.markup import escape

    mark, colour = ("✓", "green") if verdict.status is Status.PASSED else ("✗", "red")
    given = escape(_short(verdict.input))
    expected = escape(_short(verdict.expected))
    console.print(f"[{colour}]{mark}[/{colour}] {given} [dim]→[/dim] {expected}")
    if verdict.status is Status.PASSED:
        return
    got = "" if verdict.got is None else f", got {escape(_short(verdict.got))}"
    told = verdict.detail and not (got and verdict.status is Status.FAILED)
    detail = f": {escape(_short(verdict.detail, 200))}" if told else ""
    console.print(f"  [red]{verdict.status}[/red]{got}{detail}")


def show_proof(console: Console, proof: Proof, reason: str) -> None:
    """Whether it is proved, on what ground, and how it was isolated."""
    if proof.proved:
        console.print(
            f"[bold green]proved[/bold green]: {proof.passed} of {proof.total} {proof.level}, "
            f"isolation {proof.isolation}, judge {proof.judge}, {proof.hash[:12]}"
        )
    else:
        console.print(f"[bold yellow]not proved[/bold yellow]: {reason}")


def _short(text: str, limit: int = _SHOWN) -> str:
    line = printable(text.rstrip("\n")).replace("\n", "⏎")
    return line if len(line) <= limit else line[: limit - 1] + "…"
