"""How a sweep looks: a line a row while it runs, then a table, and what is advised."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codelathe.cli.console import NOT_PROVED, Output, printable
from codelathe.cli.progress import human_bytes

if TYPE_CHECKING:
    from codelathe.evaluation.sweep import Swept
    from codelathe.evaluation.sweep_budget import Advice, Budget
    from codelathe.evaluation.sweep_rows import Row

_ANY = 1 << 14
"""Wider than any table."""
_COLOURS = {"fits": "green", "could not tell": "yellow", "none fits": "red"}


def row_line(row: Row) -> str:
    """A row in a line, for the log."""
    if row.failed:
        return printable(f"{row.name}: failed: {row.failed}")
    told = [cell(row) for cell in (_size, _peak, _decode, _score)]
    return printable(f"{row.name}: {', '.join(filter(None, told))}")


def show_swept(swept: Swept, output: Output) -> None:
    """The table, and below it what failed and what is to be known."""
    screen = output.screen()
    fits = screen.width if screen.is_terminal else _ANY
    screen.width = _ANY
    table = _table(swept)
    if screen.measure(table).maximum <= fits:
        screen.print(table)
    else:
        _show_below(swept)
    asked = swept.asked
    problems = f", the first {asked.limit} problems" if asked.limit else ""
    name = asked.benchmark.rpartition("/")[2]
    click.echo(printable(f"{name}{problems}; 95% intervals; tokens/s of one stream"))
    for row in swept.rows:
        if row.failed:
            click.secho(printable(f"{row.name} failed: {row.failed}"), fg="red")
    for note in dict.fromkeys(note for row in swept.rows for note in row.notes):
        names = ", ".join(row.name for row in swept.rows if note in row.notes)
        output.say(printable(f"note: {names}: {note}"))


def show_advice(advice: Advice, budget: Budget) -> None:
    """What to use within the budget, or why nothing fits."""
    if advice.loss != budget.loss and advice.loss is not None:
        click.echo(
            f"at most {advice.loss * 100:.3g} points may go: half of what the original passes"
        )
    colour = _COLOURS[str(advice.fit)]
    best = advice.best
    if best is None:
        click.secho("none fits", fg=colour, bold=True)
        for one in advice.standings:
            click.echo(printable(f"  {one.row.name}: {one.why}"))
        return
    click.echo(
        f"use {click.style(printable(best.row.name), fg=colour, bold=True)}, the fastest that "
        f"fits: {_decode(best.row)}, {_peak(best.row)}{_unasked_loss(best.row, budget)}"
        if not best.why
        else f"perhaps {click.style(printable(best.row.name), fg=colour, bold=True)}: "
        f"{_decode(best.row)}, {_peak(best.row)}; it could not be told: {best.why}"
    )
    if best.why:
        click.echo("ask more problems: a larger --limit, or none, into another --out")
    named = shlex.quote(_from_here(best.row.model))
    click.echo(printable(f"to serve it: CODELATHE_MODEL={named} lathe serve"))
    if best.why and advice.sure:
        name, row = printable(advice.sure.row.name), advice.sure.row
        click.echo(f"sure to fit: {name}: {_decode(row)}, {_peak(row)}")


def _unasked_loss(row: Row, budget: Budget) -> str:
    """What it lost, where nobody said how much may be lost."""
    return f", {_change(row)} points of pass rate" if row.shift and budget.loss is None else ""


def sweep_exit(swept: Swept, advice: Advice | None) -> int:
    """0 only where all was measured, and where a budget was given something surely fits."""
    failed = any(row.failed for row in swept.rows)
    return NOT_PROVED if failed or (advice and advice.fit != "fits") else 0


def _from_here(model: str) -> str:
    """A path below this folder as it is typed here; anything else as it is."""
    here = f"{Path.cwd()}/"
    return f"./{model.removeprefix(here)}" if model.startswith(here) else model


def _table(swept: Swept) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in _CELLS:
        left = title in ("variant", "engine")
        table.add_column(title, justify="left" if left else "right", no_wrap=True)
    for row in swept.rows:
        style = "dim" if row.original else "red" if row.failed else ""
        table.add_row(*(escape(printable(cell(row))) for cell in _CELLS.values()), style=style)
    return table


def _show_below(swept: Swept) -> None:
    """For a terminal that the table does not fit into."""
    for row in swept.rows:
        cells = {title: printable(cell(row)) for title, cell in _CELLS.items()}
        click.echo(click.style(cells.pop("variant"), bold=True))
        click.echo(f"  {', '.join(f'{title} {told}' for title, told in cells.items() if told)}")


def _size(row: Row) -> str:
    return "" if row.bytes is None else human_bytes(row.bytes)


def _engine(row: Row) -> str:
    return row.measured.engine if row.measured else ""


def _peak(row: Row) -> str:
    peak = row.measured.peak_bytes if row.measured else 0
    return f"{human_bytes(peak)} at most" if peak else ""


def _load(row: Row) -> str:
    return f"{row.measured.load_seconds:.1f} s" if row.measured else ""


def _prompt(row: Row) -> str:
    speed = row.measured.prompt_speed if row.measured else None
    return f"{speed:,.0f}" if speed else ""


def _decode(row: Row) -> str:
    speed = row.measured.decode_speed if row.measured else None
    return f"{speed:,.1f} tokens/s" if speed else ""


def _score(row: Row) -> str:
    if row.score is None:
        return ""
    low, high = row.score.interval
    passed = round(row.score.value * row.problems)
    return f"{passed}/{row.problems} [{low:.0%}, {high:.0%}]"


def _change(row: Row) -> str:
    shift = row.shift
    if shift is None:
        return ""
    low, high = shift.interval
    return f"{shift.change * 100:+.1f} [{low * 100:+.0f}, {high * 100:+.0f}]"


def _flips(row: Row) -> str:
    return f"-{len(row.shift.lost)} +{len(row.shift.won)}" if row.shift else ""


def _p(row: Row) -> str:
    return f"{row.shift.p:.2g}" if row.shift and row.shift.p is not None else ""


def _alike(row: Row) -> str:
    return f"{row.shift.alike:.0%}" if row.shift else ""


def _number(row: Row, name: str) -> str:
    value = getattr(row, name)
    return "" if value is None else f"{value:.3g}"


_CELLS: dict[str, Callable[[Row], str]] = {
    "variant": lambda row: row.name,
    "engine": _engine,
    "weights": _size,
    "peak": lambda row: _peak(row).removesuffix(" at most"),
    "load": _load,
    "prompt/s": _prompt,
    "tokens/s": lambda row: _decode(row).removesuffix(" tokens/s"),
    "perplexity": lambda row: _number(row, "perplexity"),
    "KL": lambda row: _number(row, "divergence"),
    "same text": _alike,
    "passed": _score,
    "change": _change,
    "flips": _flips,
    "p": _p,
}
