"""How a problem's solving looks in a terminal: the code while it is written, then the proof."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from codelathe.cli.console import Output, printable
from codelathe.core.judging import Status, Verdict

if TYPE_CHECKING:
    from rich.console import Console, Group

    from codelathe.core.proof import Proof
    from codelathe.synthesis.solve import Listener, Outcome

_SHOWN = 60
_FRAMES_PER_SECOND = 12


class CodeStream:
    """The answer as it grows, redrawn in place; cleared when the result is printed."""

    def __init__(self, console: Console, language: str) -> None:
        from rich.spinner import Spinner

        self._console = console
        self._language = language
        self._text = ""
        self._spinner = Spinner("dots", text="loading the model", style="cyan")

    @property
    def listener(self) -> Listener:
        """What `solve` tells its progress to."""
        from codelathe.synthesis.solve import Listener

        return Listener(writing=self._write, trying=self._try)

    def _write(self, text: str) -> None:
        self._text = text
        self._spinner.update(text="writing")

    def _try(self, done: int, total: int) -> None:
        self._spinner.update(text=_sampled(done, total))

    def view(self) -> Group:
        """The last lines that the screen has room for, and what goes on."""
        from rich.console import Group
        from rich.syntax import Syntax

        if not self._text:
            return Group(self._spinner)
        room = max(4, self._console.height - 4)
        tail = "\n".join(printable(self._text).split("\n")[-room:])
        code = Syntax(tail, self._language, theme="ansi_dark", background_color="default")
        return Group(code, self._spinner)


@contextmanager
def watching(output: Output, language: str) -> Iterator[Listener]:
    """A listener that shows progress as `output` allows: live on a terminal, else a line."""
    from codelathe.synthesis.solve import Listener

    if not output.live:
        yield Listener(trying=lambda done, total: output.say(_sampled(done, total)))
        return
    from rich.live import Live

    console = output.screen()
    stream = CodeStream(console, language)
    with Live(
        console=console,
        transient=True,
        get_renderable=stream.view,
        refresh_per_second=_FRAMES_PER_SECOND,
    ):
        console.show_cursor()  # hidden, it would stay so in the shell after Ctrl-Z
        yield stream.listener


def _sampled(done: int, total: int) -> str:
    return f"not proved yet: {done} of {total} more candidates"


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
        console.file.flush()  # before the proof, and where it cannot be written, before the exit
        return
    from rich.syntax import Syntax

    # As text, which the terminal wraps itself: the code can be copied without cuts and padding.
    lines = Syntax("", language, theme="ansi_dark", background_color="default")
    console.print(lines.highlight(printable(code)), soft_wrap=True, end="")


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
