"""`lathe compare`: two evaluated models on the same problems, in pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from codelathe.cli.console import Output, output_options, printable
from codelathe.cli.options import PATH
from codelathe.core.errors import UnknownName

if TYPE_CHECKING:
    from codelathe.evaluation.comparing import Comparison, Pair, Side
    from codelathe.evaluation.runs import Run
    from codelathe.metrics.intervals import Score

_LISTED = 20


@click.command(short_help="Compare two evaluated models, problem by problem.")
@click.argument("first", type=PATH)
@click.argument("second", type=PATH)
@click.option(
    "--show", metavar="TASK", help="Both programs for one problem, and what came of them."
)
@click.option(
    "--force", is_flag=True, help="Also runs that differ in more than the model, and tell in what."
)
@output_options
def compare(
    first: Path, second: Path, show: str | None, force: bool, as_json: bool, quiet: bool
) -> int:
    """Compare the runs in FIRST and SECOND, folders that `lathe evaluate` wrote.

    Whether the difference is real (McNemar's exact test), how large it is (paired bootstrap,
    95%), how large it would have to be to be seen, and the problems that only one of them
    solved.

    \b
    lathe compare runs/small runs/large
    lathe compare runs/small runs/large --show HumanEval/12
    lathe compare runs/before runs/after --json
    """
    output = Output(as_json, quiet)
    from codelathe.evaluation.comparing import compare as compare_runs
    from codelathe.evaluation.comparing import comparison_document
    from codelathe.evaluation.runs import open_run

    runs = open_run(first), open_run(second)
    found = compare_runs(*runs, force=force)
    if show is not None:
        _show_pair(show, found, runs, output)
    elif output.json:
        output.document(comparison_document(found, *runs))
    else:
        _show(found, runs)
    return 0


def _show(found: Comparison, runs: tuple[Run, Run]) -> None:
    for name, run, score in zip(
        ("first ", "second"), runs, (found.first, found.second), strict=True
    ):
        click.echo(printable(f"{name} {_percent(score)}  {run.model}"))
    low, high = found.gap.interval
    value = click.style(f"{found.gap.value * 100:+.1f} points", bold=True)
    click.echo(f"first - second: {value}, 95% in {low * 100:+.1f} to {high * 100:+.1f}")
    if found.test is not None:
        seen = "is" if found.test.p < 0.05 else "is not"
        click.echo(
            f"of {len(found.pairs)} problems both passed {found.both}, neither {found.neither}, "
            f"only the first {found.test.first_only}, only the second {found.test.second_only}"
        )
        click.echo(f"McNemar's exact p = {found.test.p:.3g}: a difference {seen} shown")
    if found.smallest is None:
        click.echo(f"{len(found.pairs)} problems are too few to see any difference")
    else:
        click.echo(
            f"a true difference of {found.smallest * 100:.1f} points would have been seen "
            "in 80% of such comparisons"
        )
    if found.unpaired:
        click.echo(f"{found.unpaired} problems that only one of them was asked are left out")
    for difference in found.differing:
        click.echo(printable(f"  differs: {difference}"))
    _show_flipped(found.flipped, runs)


def _show_flipped(flipped: tuple[Pair, ...], runs: tuple[Run, Run]) -> None:
    for pair in flipped[:_LISTED]:
        told = f"  {pair.task_id:<20} {_told(pair.first):<16} {_told(pair.second)}"
        click.echo(printable(told))
    if len(flipped) > _LISTED:
        click.echo(f"  ... and {len(flipped) - _LISTED} more: --json has all")
    if flipped:
        folders = f"{runs[0].folder} {runs[1].folder}"
        click.echo(printable(f"both programs: lathe compare {folders} --show {flipped[0].task_id}"))


def _show_pair(task_id: str, found: Comparison, runs: tuple[Run, Run], output: Output) -> None:
    from dataclasses import asdict

    from codelathe.evaluation.runs import find_sample

    known = {pair.task_id: pair for pair in found.pairs}
    if task_id not in known:
        raise UnknownName("problem", task_id, known, field="show")
    sides = known[task_id].first, known[task_id].second
    shown = [find_sample(run, task_id, side.sample) for run, side in zip(runs, sides, strict=True)]
    if output.json:
        output.document(
            {
                "task_id": task_id,
                "prompt": shown[0].prompt,
                **{
                    name: {**asdict(side), "solution": sample.written.solution}
                    for name, side, sample in zip(("first", "second"), sides, shown, strict=True)
                },
            }
        )
        return
    from codelathe.cli.sample import show_code, show_verdict_of

    for run, sample in zip(runs, shown, strict=True):
        click.echo(click.style(printable(f"{run.model}: {sample.row.outcome.status}"), bold=True))
        show_code(sample.written.solution)
        show_verdict_of(sample.row)
        click.echo()


def _told(side: Side) -> str:
    return side.status if side.rate in (0.0, 1.0) else f"{side.rate:.0%} passed"


def _percent(score: Score) -> str:
    low, high = score.interval
    return f"{score.value:7.2%}, 95% in {low:.1%} to {high:.1%}"
