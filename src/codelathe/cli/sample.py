"""One sample of a run on the screen: what was asked, what was written, what came of it."""

from __future__ import annotations

from typing import Any

import click

from codelathe.cli.console import printable
from codelathe.evaluation.rows import Row, row_document
from codelathe.evaluation.runs import Run, Shown
from codelathe.evaluation.transcript import written_document


def sample_document(run: Run, shown: Shown) -> dict[str, Any]:
    """All there is of a sample, as JSON has it."""
    return {
        **written_document(shown.written),
        "prompt": shown.prompt,
        "verdict": row_document(shown.row, run.signature["tests"]),
    }


def show_sample(shown: Shown) -> None:
    """Prompt, completion, code and verdict, on standard output."""
    written = shown.written
    head = printable(f"{written.task_id}, sample {written.sample}")
    click.echo(click.style(head, bold=True))
    _part("prompt", shown.prompt)
    if written.explanation:
        _part("explanation", written.explanation)
    _part(
        f"completion ({written.completion_tokens} tokens, ended by {written.finish_reason})",
        written.completion,
    )
    _part("code that was judged")
    show_code(written.solution)
    _part("verdict")
    show_verdict_of(shown.row)


def show_code(code: str) -> None:
    """The code as it stands, or that there is none."""
    click.echo(printable(code) if code.strip() else "(no code was found in the answer)")


def show_verdict_of(row: Row) -> None:
    """The status; of a call that failed, what went in, was expected and came back."""
    found = row.outcome
    notes = [name for name in ("flaky", "starved") if getattr(found, name)]
    click.echo(", ".join([str(found.status), *notes]))
    if found.call is None:
        if found.detail:
            click.echo(f"  {printable(found.detail)}")
        return
    for name in ("input", "expected", "got"):
        click.echo(f"  {name:<9} {printable(getattr(found.call, name))}")


def _part(title: str, text: str = "") -> None:
    click.echo(click.style(f"-- {printable(title)}", fg="cyan"))
    if text:
        click.echo(printable(text.rstrip("\n")))
