"""`lathe board`: what evaluated models came to. `show` looks into one run."""

from __future__ import annotations

from pathlib import Path

import click

from codelathe.cli.console import Output, output_options, printable


@click.group(short_help="Look at results, and into them.")
def board() -> None:
    """Look at what models were evaluated to."""


@board.command(short_help="One run, problem by problem, or one answer in full.")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("task", required=False)
@click.option(
    "--sample", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
    help="Which of a problem's answers.",
)  # fmt: skip
@output_options
def show(run: Path, task: str | None, sample: int, as_json: bool, quiet: bool) -> int:
    """Show the run in folder RUN: a line a problem; or all there is of TASK.

    That is the prompt, the model's answer, the code that was read in it, the verdict, and of a
    call that failed the input with what was expected and got. RUN may also be the name of a
    folder under runs/ in CODELATHE_HOME.

    \b
    lathe board show runs/small
    lathe board show runs/small HumanEval/12
    """
    output = Output(as_json, quiet)
    from codelathe.cli.sample import sample_document, show_sample
    from codelathe.evaluation.runs import find_sample, open_run

    opened = open_run(_folder(run))
    if task is not None:
        shown = find_sample(opened, task, sample)
        if output.json:
            output.document(sample_document(opened, shown))
        else:
            show_sample(shown)
    elif output.json:
        output.document({"result": dict(opened.result), "problems": opened.rates()})
    else:
        statuses: dict[str, list[str]] = {}
        for row in opened.rows():
            statuses.setdefault(row.task_id, []).append(str(row.outcome.status))
        for task_id, found in statuses.items():
            passed = found.count("passed")
            told = found[0] if len(found) == 1 else f"{passed} of {len(found)} passed"
            click.echo(f"{printable(task_id):<24} {told}")
        click.echo(printable(f"one of them: lathe board show {run} {next(iter(statuses))}"))
    return 0


def _folder(run: Path) -> Path:
    """The folder that is meant: a path, or a name under the runs of this machine."""
    if run.exists() or run.name != str(run):
        return run
    from codelathe.wiring import runs_folder

    return runs_folder() / run
