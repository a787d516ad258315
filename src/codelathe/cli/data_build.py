"""`lathe data build`: a git repository becomes training rows."""

from __future__ import annotations

import re
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from codelathe.cli.console import Output, output_options, printable
from codelathe.cli.options import PATH
from codelathe.cli.progress import counting
from codelathe.core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codelathe.training.repository.options import Built, Kind

_SHOWN = 5


@click.command(short_help="Make training rows of a repository.")
@click.argument("repository", type=PATH, metavar="REPO")
@click.option(
    "--out", required=True, type=PATH, metavar="FILE",
    help="Where the rows go, as JSON Lines; replaced when all are there.",
)  # fmt: skip
@click.option(
    "--kinds", metavar="NAMES",
    help="Of write, document, fill and edit; else all of them.",
)  # fmt: skip
@click.option(
    "--licence", "licences", metavar="NAMES",
    help="Only files under one of these, as MIT,Apache-2.0; `none` for files under no licence.",
)  # fmt: skip
@click.option(
    "--secrets", type=click.Choice(["drop", "mask"]), default="drop", show_default=True,
    help="Leave out rows with keys or passwords in them, or mask these.",
)  # fmt: skip
@click.option(
    "--emails", type=click.Choice(["mask", "keep"]), default="mask", show_default=True,
    help="What becomes of e-mail addresses.",
)  # fmt: skip
@click.option(
    "--prove", is_flag=True,
    help="Only functions that the repository's own doctests and tests prove, run in isolation.",
)  # fmt: skip
@click.option(
    "--commits", type=click.IntRange(min=0), default=1000, show_default=True, metavar="N",
    help="How many of the newest commits are looked at for edits.",
)  # fmt: skip
@click.option(
    "--spans", type=click.IntRange(min=0, max=100), default=4, show_default=True, metavar="N",
    help="Spans to fill in for each 100 lines.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
    help="Draws the spans.",
)  # fmt: skip
@output_options
def data_build(
    repository: Path,
    out: Path,
    kinds: str | None,
    licences: str | None,
    secrets: Literal["drop", "mask"],
    emails: Literal["mask", "keep"],
    prove: bool,
    commits: int,
    spans: int,
    seed: int,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make training rows of the source code that is committed in a repository.

    `write` rows ask for a function by its signature and documentation, `document` rows the
    other way round, `fill` rows for a node cut out of a file's syntax tree, `edit` rows for what
    a commit made of a function. Generated and vendored files are left out, repetitions and
    secrets too; each row tells its file, licence and time. Nothing of the repository is run,
    but with --prove its functions, by the judge.

    \b
    lathe data build . --out rows.jsonl
    lathe data build ~/src/project --out rows.jsonl --licence MIT,Apache-2.0,BSD-3-Clause
    lathe data build . --out fill.jsonl --kinds fill --spans 10 --seed 1 --json
    """
    output = Output(as_json, quiet)
    from codelathe.metrics.codetree import parse
    from codelathe.training.repository.building import build_rows
    from codelathe.training.repository.options import BuildOptions
    from codelathe.wiring import open_judge

    options = BuildOptions(
        _kinds(kinds), _licences(licences), secrets, emails, commits, spans, seed
    )
    with ExitStack() as stack:
        count = stack.enter_context(counting(output))
        judge = stack.enter_context(closing(open_judge())) if prove else None
        built = build_rows(repository, out, options, parse=parse, judge=judge, heard=count)
    for note in built.notes:
        output.say(printable(note))
    if output.json:
        output.document(built.document())
    elif not quiet:
        _show(built)
    return 0


def _kinds(names: str | None) -> tuple[Kind, ...]:
    from codelathe.training.repository.options import KINDS

    if names is None:
        return KINDS
    asked = re.findall(r"[^\s,]+", names.lower())
    for name in asked:
        if name not in KINDS:
            raise UnknownName("kind of row", name, KINDS, field="kinds")
    if not asked:
        raise UsageError("--kinds names none", hint="--kinds write,fill", field="kinds")
    return tuple(kind for kind in KINDS if kind in asked)


def _licences(names: str | None) -> tuple[str, ...]:
    asked = tuple(name.strip() for name in (names or "").split(",") if name.strip())
    if names is not None and not asked:
        raise UsageError("--licence names none", hint="--licence MIT,Apache-2.0", field="licence")
    return asked


def _show(built: Built) -> None:
    """What was written, what was left out and why."""
    at = f" at {built.commit[:12]}" if built.commit else ""
    click.echo(
        f"{click.style(f'{sum(built.rows.values()):,} rows', bold=True)} ({_counts(built.rows)}) "
        f"of {printable(built.folder)}{at}"
    )
    click.echo(f"  files     {built.read:,} of {built.files:,} read: {_counts(built.languages)}")
    if built.left_out:
        click.echo(f"            left out: {_counts(built.left_out)}")
    click.echo(f"  licences  {printable(_counts(built.licences)) or 'none'}")
    if built.commits:
        left_out = (
            f", left out: {_counts(built.commits_left_out)}" if built.commits_left_out else ""
        )
        click.echo(f"  commits   {built.commits:,} looked at{left_out}")
    if built.proved is not None:
        click.echo(f"  proved    {built.proved:,} functions, {built.failed:,} not")
    if built.duplicates:
        click.echo(f"  repeated  {built.duplicates:,} rows left out")
    _show_secrets(built)
    click.echo(f"written to {printable(built.out)}")


def _show_secrets(built: Built) -> None:
    if not built.secrets:
        return
    done = f"{built.dropped:,} rows left out"
    if built.options.secrets == "mask":
        done = f"masked in {built.masked:,} rows"
    click.secho(f"  secrets   {len(built.secrets):,} found, {done}", fg="yellow")
    for place in built.secrets[:_SHOWN]:
        click.echo(f"            {printable(place.file)}:{place.line}  {place.kind}")
    if len(built.secrets) > _SHOWN:
        click.echo(f"            and {len(built.secrets) - _SHOWN:,} more: --json lists them all")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
