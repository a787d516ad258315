"""`lathe data show`: rows as a model will read them, token by token, with the loss mask."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from codelathe.cli.console import Output, output_options, printable
from codelathe.cli.training_data import map_option, open_renderer, read_data
from codelathe.core.errors import UsageError

if TYPE_CHECKING:
    from codelathe.training.data.loading import Loaded
    from codelathe.training.data.rows import Row
    from codelathe.training.data.showing import ShownToken

_ROWS = 3
_NEWLINE = "⏎"
#: Trained tokens in turn, so that neighbours can be told apart.
_COLOURS = ("green", "cyan")


@click.command(name="show", short_help="Show rows token by token, with what the loss counts.")
@click.argument("file", metavar="FILE")
@click.option("--model", required=True, metavar="REF", help="Whose tokens and template are used.")
@click.option(
    "--row", type=click.IntRange(min=1), metavar="N",
    help=f"Only usable row N, counted from 1; else the first {_ROWS}.",
)  # fmt: skip
@map_option
@output_options
def data_show(
    file: str, model: str, row: int | None, mapping: str, as_json: bool, quiet: bool
) -> int:
    """Show rows of training data as a model reads them, with the loss mask token by token.

    What the loss counts is green and cyan in a terminal, token by token in turn, and stands in
    [ ] elsewhere. The rest is there for the model to read. FILE is as of `lathe data check`.

    \b
    lathe data show rows.jsonl --model smollm2-135m
    lathe data show rows.jsonl --model qwen2.5-coder-1.5b --row 17
    lathe data show hf:OWNER/REPO --model qwen2.5-coder-1.5b --json
    """
    output = Output(as_json, quiet)
    from codelathe.training.data.loading import require_rows
    from codelathe.training.data.showing import show_tokens

    loaded = read_data([file], mapping, output)
    require_rows(loaded)
    chosen = _chosen(loaded, row, file)
    with open_renderer(model, output) as (renderer, side):
        renderer.check(chosen)
        shown = [(r, show_tokens(renderer.render(r), side.tokenizer)) for r in chosen]
    if output.json:
        output.document({"model": model, "rows": [_document(*found) for found in shown]})
    else:
        for found in shown:
            _show(*found)
        if loaded.faults:
            output.say(f"{len(loaded.faults):,} rows cannot be used: lathe data check {file}")
    return 0


def _chosen(loaded: Loaded, row: int | None, file: str) -> list[Row]:
    if row is None:
        return list(loaded.rows[:_ROWS])
    if row > len(loaded.rows):
        raise UsageError(
            f"there is no row {row}: {file} has {len(loaded.rows):,} that can be used",
            hint=f"lathe data check {file}",
            field="row",
        )
    return [loaded.rows[row - 1]]


def _document(row: Row, tokens: Iterable[ShownToken]) -> dict[str, Any]:
    told = [{"id": t.id, "text": t.text, "trained": t.trained} for t in tokens]
    return {
        "file": row.source,
        "line": row.line,
        "form": row.form,
        "length": len(told),
        "supervised": sum(bool(token["trained"]) for token in told),
        "tokens": told,
    }


def _show(row: Row, tokens: list[ShownToken]) -> None:
    trained = sum(token.trained for token in tokens)
    title = (
        f"{row.source}:{row.line}, {row.form}: {len(tokens):,} tokens, the loss counts {trained:,}"
    )
    click.secho(printable(title), bold=True)
    colours = sys.stdout.isatty()
    click.echo("".join(_token(t, i, colours=colours) for i, t in enumerate(tokens)))


def _token(token: ShownToken, index: int, *, colours: bool) -> str:
    """One token; the line breaks that it holds stand behind it."""
    text = printable(token.text)
    if not token.trained:
        return click.style(text, dim=True) if colours else text
    marked = text.replace("\n", _NEWLINE)
    breaks = "\n" * text.count("\n")
    if colours:
        return click.style(marked, fg=_COLOURS[index % len(_COLOURS)]) + breaks
    return f"[{marked}]{breaks}"
