"""What the verbs print, and where.

With `--json` exactly one JSON document goes to standard output and nothing else;
progress and messages go to standard error, plain where that is not a terminal, and
none with `--quiet`. rich is imported only when something is drawn.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from codelathe.core.errors import LatheError

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

Command = TypeVar("Command", bound=Callable[..., Any])


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
        click.echo(json.dumps(document, ensure_ascii=not _utf8(), indent=2))

    def screen(self) -> RichConsole:
        """A rich console on standard output, for results."""
        from rich.console import Console

        return Console(highlight=False, soft_wrap=not sys.stdout.isatty())

    def margin(self) -> RichConsole:
        """A rich console on standard error, for progress; silent with `--quiet`."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, quiet=self.quiet)


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


def _utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
