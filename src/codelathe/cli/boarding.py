"""How the board looks in a terminal: a table a group, with intervals beside the scores.

A terminal that a table does not fit into has its rows as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from codelathe.cli.console import Output, printable
from codelathe.evaluation.board.choosing import DEFAULT_COLUMNS, SCORES, Choice, Group, Ranked
from codelathe.evaluation.board.importing import Imported
from codelathe.evaluation.board.row import UNKNOWN, BoardRow, Mark, row_document

_ANY = 1 << 14
"""Wider than any table."""
_SIZES = ((10**9, "B"), (10**6, "M"))
_LEFT = ("model", "type", "precision", "origin", "source", "signature")
_TITLES = {"rank": "#", "speed": "tokens/s"}
_NAMED = 5


def groups_document(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """Groups as JSON has them."""
    return [
        {
            "benchmark": group.benchmark,
            "protocol": group.protocol,
            "ranked_by": group.metric,
            "rows": [{"rank": r.rank and list(r.rank), **row_document(r.row)} for r in group.rows],
        }
        for group in groups
    ]


def rows_document(imported: Imported) -> dict[str, Any]:
    """What was imported from one file, as JSON has it."""
    return {
        "harness": imported.harness,
        "file": imported.file,
        "rows": [row_document(row) for row in imported.rows],
    }


def show_groups(
    groups: Sequence[Group], choice: Choice, rows: Sequence[BoardRow], output: Output
) -> None:
    """A table for each group, and what a reader has to know of it."""
    if not groups:
        output.say("no row is left of " + str(len(rows)) + _unknown_sizes(rows, choice))
        return
    screen = output.screen()
    fits = screen.width if screen.is_terminal else _ANY
    screen.width = _ANY
    for group in groups:
        name = click.style(printable(group.benchmark), bold=True)
        click.echo(f"{name}  {printable(group.protocol)}")
        table = _table(group, choice.columns)
        if screen.measure(table).maximum <= fits:
            screen.print(table)
        else:
            _show_below(group, choice.columns)
        screen.print()
    output.say(
        "intervals are of 95%, and a rank is the places that they allow; groups were asked in "
        f"different ways and are not to be compared{_unknown_sizes(rows, choice)}"
    )


def _show_below(group: Group, columns: Sequence[str]) -> None:
    names = list(_expanded(group, columns))
    for ranked in group.rows:
        cells = {name: printable(_cell(ranked, name)) for name in names}
        head = [cells.pop(name) for name in ("rank", "model") if name in cells]
        click.echo(click.style("  ".join(filter(None, head)), bold=True))
        told = (f"{_TITLES.get(name, name)} {cell}" for name, cell in cells.items() if cell)
        click.echo(f"  {printable(', '.join(told))}")


def _unknown_sizes(rows: Sequence[BoardRow], choice: Choice) -> str:
    count = sum(row.facts.parameters is None for row in rows)
    if choice.max_size is None or not count:
        return ""
    return f"; {count} rows of models of unknown size are in no choice of sizes"


def _table(group: Group, columns: Sequence[str]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    names = list(_expanded(group, columns))
    for name in names:
        left = name in _LEFT
        table.add_column(
            escape(printable(_TITLES.get(name, name))),
            justify="left" if left else "right",
            no_wrap=not left,
            overflow="fold",
        )
    for ranked in group.rows:
        style = "dim" if ranked.row.origin == "published" else ""
        table.add_row(*(escape(printable(_cell(ranked, n))) for n in names), style=style)
    return table


def _expanded(group: Group, columns: Sequence[str]) -> Iterator[str]:
    """The columns, with the group's scores in place of `scores`; none that is empty unasked."""
    for name in columns:
        if name == SCORES:
            yield from group.scores
        elif columns is not DEFAULT_COLUMNS or any(_cell(r, name) for r in group.rows):
            yield name


def _cell(ranked: Ranked, name: str) -> str:
    row = ranked.row
    match name:
        case "rank":
            first, last = ranked.rank or ("", "")
            return str(first) if first == last else f"{first}–{last}"
        case "model" | "date" | "origin" | "source" | "signature":
            return str(getattr(row, name))
        case "type" | "precision":
            value = getattr(row.facts, name)
            return "" if value == UNKNOWN else value
        case "size":
            return human_size(row.facts.parameters)
        case "bytes":
            return _bytes(row.facts.bytes)
        case "speed":
            return "" if row.speed is None else f"{row.speed:,.0f}"
        case "problems" | "samples":
            count = getattr(row, name)
            return "" if count is None else f"{count:,}"
    return _score(row.scores.get(name))


def _bytes(count: int | None) -> str:
    from codelathe.cli.progress import human_bytes

    return "" if count is None else human_bytes(count)


def human_size(parameters: int | None) -> str:
    """`1.5B`."""
    for unit, letter in _SIZES:
        if parameters is not None and parameters >= unit:
            return f"{parameters / unit:.3g}{letter}"
    return "" if parameters is None else str(parameters)


def _score(mark: Mark | None) -> str:
    if mark is None:
        return ""
    if not 0 <= mark.value <= 1:
        return f"{mark.value:.2f}"
    if mark.interval is None:
        return f"{mark.value:.1%}"
    low, high = mark.interval
    return f"{mark.value:.1%} [{low:.1%}, {high:.1%}]".replace("%, ", ", ").replace("%]", "]")


def show_imported(kept: Iterable[Imported], output: Output) -> None:
    """What was taken in, a line a row."""
    for imported in kept:
        for row in imported.rows:
            scores = ", ".join(f"{name} {_score(mark)}" for name, mark in row.scores.items())
            told = f"{row.model}: {row.benchmark} ({row.protocol}): {scores}"
            click.echo(printable(told))
    output.say("they stand in the board now: lathe board")


def say_refused(refused: Sequence[tuple[Path, str]], output: Output) -> None:
    """Result files that are none of ours."""
    for path, why in refused[:_NAMED]:
        output.say(printable(f"left out {path}: {why}"))
    if len(refused) > _NAMED:
        output.say(f"left out {len(refused) - _NAMED} more")
