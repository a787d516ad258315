"""`lathe data check`: every fault of training data with its line, before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from codelathe.cli.console import Output, output_options, printable
from codelathe.cli.training_data import map_option, open_renderer, read_data
from codelathe.core.errors import UsageError

if TYPE_CHECKING:
    from codelathe.training.data.checking import Lengths, Repeats
    from codelathe.training.data.loading import Loaded
    from codelathe.training.data.overlap import Overlap
    from codelathe.training.data.rows import Fault, Row

_UNUSABLE = 2
_LINES = 5
_WIDTH = 100


@click.command(name="check", short_help="List every fault of training data, with its line.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@map_option
@click.option(
    "--model",
    metavar="REF",
    help="Count tokens as this model reads the rows, and try its template.",
)
@click.option(
    "--max-length", type=click.IntRange(min=2), metavar="N",
    help="With --model: rows of more tokens are too long; else its context.",
)  # fmt: skip
@click.option(
    "--against", default="", metavar="BENCHMARK,...",
    help="List rows that hold text of these benchmarks: humaneval,mbpp.",
)  # fmt: skip
@output_options
def data_check(
    files: tuple[str, ...],
    mapping: str,
    model: str | None,
    max_length: int | None,
    against: str,
    as_json: bool,
    quiet: bool,
) -> int:
    """Read rows of training data and list every fault with its line, counted by kind.

    A FILE is JSON, JSON Lines, CSV or Parquet, .gz or not, or a data set of the hub,
    hf:OWNER/REPO[:PART]. A row has messages; or prompt and completion; or instruction, input and
    output; or text; or prefix, suffix and middle. ShareGPT's conversations are known. Exit code
    2 means that no row can be used.

    \b
    lathe data check rows.jsonl
    lathe data check train.csv more.parquet --map instruction=question,output=answer
    lathe data check rows.jsonl --model smollm2-135m --max-length 1024 --json
    lathe data check rows.jsonl --against humaneval,mbpp
    """
    output = Output(as_json, quiet)
    if max_length is not None and model is None:
        raise UsageError(
            "--max-length counts tokens, and no model is named to count them",
            hint=f"--model REF --max-length {max_length}",
            field="max_length",
        )
    from codelathe.training.data.checking import count_repeats

    loaded = read_data(files, mapping, output)
    overlaps = _overlaps(loaded, against, output)
    lengths = _measure(loaded, model, max_length, output) if model and loaded.rows else None
    checked = Checked(loaded, count_repeats(loaded.rows), lengths, overlaps)
    if output.json:
        output.document(check_document(files, checked))
    else:
        _show(files, checked)
    refused = lengths is not None and not lengths.rows
    return _UNUSABLE if refused or not loaded.rows else 0


@dataclass(frozen=True, slots=True)
class Checked:
    """All that was found. `lengths` and `overlaps` are None where nobody asked for them."""

    loaded: Loaded
    repeats: Repeats
    lengths: Lengths | None
    overlaps: list[Overlap] | None


def _measure(loaded: Loaded, model: str, max_length: int | None, output: Output) -> Lengths:
    from codelathe.training.data.checking import measure

    with open_renderer(model, output) as (renderer, side):
        rows = _watched(loaded.rows, output)
        return measure(rows, renderer, max_length or side.context_length)


def _watched(rows: Sequence[Row], output: Output) -> Iterator[Row]:
    """The rows; how many were taken is told where it takes longer than a moment."""
    from codelathe.cli.progress import counting

    with counting(output) as count:
        for number, row in enumerate(rows):
            count("counting tokens", number, len(rows), "rows")
            yield row


def _overlaps(loaded: Loaded, against: str, output: Output) -> list[Overlap] | None:
    names = re.findall(r"[^\s,]+", against)
    if not names:
        return None
    from codelathe.cli.progress import fetching
    from codelathe.evaluation.overlap import benchmark_texts
    from codelathe.training.data.overlap import find_overlaps
    from codelathe.wiring import open_store

    with fetching(output) as progress:
        return find_overlaps(loaded.rows, benchmark_texts(names, open_store(), progress))


def check_document(files: Sequence[str], checked: Checked) -> dict[str, Any]:
    """All that was found, as JSON has it."""
    loaded, repeats, lengths = checked.loaded, checked.repeats, checked.lengths
    return {
        "files": list(files),
        "rows": len(loaded.rows) + len(loaded.faults),
        "usable": len(loaded.rows),
        "forms": loaded.forms,
        "fault_counts": {str(kind): count for kind, count in loaded.fault_counts.items()},
        "faults": [
            {"kind": str(f.kind), "file": f.source, "line": f.line, "message": f.message}
            for f in loaded.faults
        ],
        "repeats": {"exact": repeats.exact, "near": repeats.near},
        "notes": list(loaded.notes),
        "tokens": _lengths_document(lengths) if lengths else None,
        "overlaps": None
        if checked.overlaps is None
        else [
            {"file": o.row.source, "line": o.row.line, "problem": o.problem, "words": o.words}
            for o in checked.overlaps
        ],
    }


def _lengths_document(lengths: Lengths) -> dict[str, Any]:
    return {
        "rows": lengths.rows,
        "total": lengths.tokens,
        "supervised": lengths.supervised,
        "median": lengths.median,
        "longest": lengths.longest,
        "max_length": lengths.limit,
        "too_long": [
            {"file": row.source, "line": row.line, "tokens": size} for row, size in lengths.too_long
        ],
        "refused": [
            {"file": r.row.source, "line": r.row.line, "message": r.why} for r in lengths.refused
        ],
    }


def _show(files: Sequence[str], checked: Checked) -> None:
    loaded, repeats = checked.loaded, checked.repeats
    total = len(loaded.rows) + len(loaded.faults)
    click.echo(
        f"{printable(', '.join(files))}: {_count(total, 'row')}, {len(loaded.rows):,} usable"
    )
    for form, count in loaded.forms.items():
        click.echo(f"  {form:<20} {count:>8,}")
    _show_faults(loaded)
    if repeats.exact or repeats.near:
        click.echo("said before")
        click.echo(f"  {'exactly':<20} {repeats.exact:>8,}")
        click.echo(f"  {'nearly':<20} {repeats.near:>8,}")
    if checked.lengths is not None:
        _show_lengths(checked.lengths)
    if checked.overlaps is not None:
        _show_overlaps(checked.overlaps)
    for note in loaded.notes:
        click.secho(f"note: {printable(note)}", fg="yellow")
    if not loaded.rows:
        click.secho(
            "no row can be used: lathe data check --help tells the forms, --map other names",
            fg="red",
        )


def _show_faults(loaded: Loaded) -> None:
    if not loaded.faults:
        return
    click.echo(f"faults                 {len(loaded.faults):>8,}")
    for kind, count in loaded.fault_counts.items():
        found = [fault for fault in loaded.faults if fault.kind == kind]
        click.echo(f"  {click.style(f'{kind:<20}', fg='red')} {count:>8,}  {_lines(found)}")
        for fault in found[:2]:
            told = f"{fault.source}:{fault.line} {fault.message}"
            click.echo(f"      {_short(told)}")


def _lines(faults: Sequence[Fault]) -> str:
    """The first lines, and how many more there are."""
    word = "line" if len(faults) == 1 else "lines"
    shown = ", ".join(str(fault.line) for fault in faults[:_LINES])
    more = f" and {len(faults) - _LINES:,} more" if len(faults) > _LINES else ""
    return f"{word} {shown}{more}"


def _show_lengths(lengths: Lengths) -> None:
    share = lengths.supervised / lengths.tokens if lengths.tokens else 0.0
    click.echo(f"tokens                 {lengths.tokens:>8,}")
    click.echo(f"  {'the loss counts':<20} {lengths.supervised:>8,}  {share:.1%}")
    click.echo(f"  {'a row, median':<20} {lengths.median:>8,}")
    click.echo(f"  {'longest':<20} {lengths.longest:>8,}")
    if lengths.limit is not None:
        long = lengths.too_long
        first = ", ".join(f"line {row.line} ({size:,})" for row, size in long[:_LINES])
        more = f" and {len(long) - _LINES:,} more" if len(long) > _LINES else ""
        click.echo(f"  {f'over {lengths.limit:,}':<20} {len(long):>8,}  {first}{more}".rstrip())
    if lengths.refused:
        click.echo(f"  {click.style('not rendered        ', fg='red')} {len(lengths.refused):>8,}")
        for refused in lengths.refused[:_LINES]:
            told = f"{refused.row.source}:{refused.row.line} {refused.why}"
            click.echo(f"      {_short(told)}")


def _show_overlaps(overlaps: list[Overlap]) -> None:
    click.echo(f"text of benchmarks     {len(overlaps):>8,}")
    for overlap in overlaps:
        told = f"{overlap.row.source}:{overlap.row.line} {overlap.problem}: {overlap.words}"
        click.echo(f"      {_short(told)}")


def _short(text: str) -> str:
    line = printable(text).replace("\n", " ")
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
