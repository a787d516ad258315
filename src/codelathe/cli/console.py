"""What the verbs print, and where.

With `--json` exactly one JSON document goes to standard output and nothing else;
progress and messages go to standard error, plain where that is not a terminal, and
none with `--quiet`. rich is imported only when something is drawn.
"""

from __future__ import annotations

import io
import json
import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from codelathe.core.errors import LatheError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from rich.console import Console as RichConsole

NOT_PROVED = 3
"""Exit code: done, but not proved, or not all could be judged."""

_STDIN, _STDOUT, _STDERR = range(3)

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
"""An option that verbs share."""


@dataclass(frozen=True, slots=True)
class Output:
    """How one run of a verb speaks."""

    json: bool = False
    quiet: bool = False

    @property
    def live(self) -> bool:
        """Whether a person watches standard output as it is written."""
        return not self.json and not self.quiet and sys.stdout.isatty()

    def say(self, message: str) -> None:
        """A message to standard error."""
        if not self.quiet:
            click.echo(message, err=True)

    def document(self, document: Any) -> None:
        """The one JSON document of a `--json` run."""
        try:
            text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
        except ValueError:
            document = _finite(document)
            text = json.dumps(document, ensure_ascii=False, indent=2)
        try:
            text.encode(sys.stdout.encoding)
        except UnicodeEncodeError:  # a terminal that is not UTF-8, or half a surrogate pair
            text = json.dumps(document, indent=2)
        click.echo(text)

    def screen(self) -> RichConsole:
        """A rich console on standard output, for results."""
        from rich.console import Console

        return Console(highlight=False, soft_wrap=not sys.stdout.isatty())

    def margin(self) -> RichConsole:
        """A rich console on standard error, for progress; silent with `--quiet`."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, quiet=self.quiet)


def _finite(value: Any) -> Any:
    """`value` with null for numbers that JSON has no form for: infinite ones, and none."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def output_options(command: Command) -> Command:
    """`--json` and `--quiet`, which every verb has."""
    command = click.option(
        "--quiet", "-q", is_flag=True, help="No progress and no messages, only the result."
    )(command)
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
    )(command)


def report_error(error: LatheError, *, as_json: bool) -> None:
    """What happened, and the next step; with `--json` as a document on standard output."""
    if as_json:
        body = {"type": type(error).__name__, "message": error.message, "hint": error.hint}
        if error.field:
            body["field"] = error.field
        Output(json=True).document({"error": body})
    click.secho("error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(printable(error.message), err=True)
    if error.hint:
        click.secho(" next: ", fg="cyan", nl=False, err=True)
        click.echo(printable(error.hint), err=True)


def printable(text: str) -> str:
    """`text` without control characters or lone surrogates: terminals obey some of them."""
    return "".join(
        c if c in "\n\t" or (c.isprintable() and not "\ud800" <= c <= "\udfff") else ascii(c)[1:-1]
        for c in text
    )


def open_streams() -> None:
    """Make the standard streams such that every verb can use them.

    A closed one becomes the null device, also for what C libraries write. Characters that
    the encoding of standard output lacks are escaped.

    Raises:
        SystemExit: standard output is closed; told before work is done for nothing.
    """
    while (spare := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass  # the lowest free descriptor is taken: one of the three
    os.close(spare)
    sys.stdin = sys.stdin or os.fdopen(_STDIN, closefd=False)
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w", closefd=False)
    if sys.stdout is None:
        click.echo("error: standard output is closed: there is nowhere to print to", err=True)
        sys.exit(1)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_StandardOutput(_STDOUT, "wb", closefd=False)),
        encoding=sys.stdout.encoding,
        errors="backslashreplace",
        line_buffering=sys.stdout.isatty(),
    )


class _StandardOutput(io.FileIO):
    """Where results go. Once a write has failed, the rest goes nowhere, also at exit."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
            if isinstance(error, BrokenPipeError):
                raise
            raise LatheError(
                f"the result cannot be written to standard output: {error.strerror}",
                hint="make room, or name another file after >, and run it again",
            ) from None
