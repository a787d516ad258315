"""`lathe tune gate`: a finished result held again against the model that it was made of."""

from __future__ import annotations

from pathlib import Path

import click

from codelathe.cli.console import Output, output_options
from codelathe.cli.judging import workers_option
from codelathe.cli.options import PATH


@click.command(short_help="Hold a tuned model against the one it was made of.")
@click.argument("dir", type=PATH)
@click.option("--own", metavar="FILE", help="Problems of your own, as JSON Lines.")
@click.option("--general", metavar="NAME", help="The benchmark that must not fall.")
@click.option("--every", type=click.IntRange(min=1), metavar="N", help="Only every N-th of them.")
@click.option("--samples", type=click.IntRange(min=1), metavar="N", help="Answers to each problem.")
@click.option(
    "--max-tokens", type=click.IntRange(min=1), metavar="N",
    help="Most tokens of an answer, for a model of a short context.",
)  # fmt: skip
@click.option(
    "--tolerance", type=click.FloatRange(min=0, max=100), metavar="POINTS",
    help="The largest drop on the general problems that is no harm.",
)  # fmt: skip
@click.option(
    "--attempts", type=click.IntRange(min=0), metavar="N",
    help="Smaller scales and earlier checkpoints tried where it is refused.",
)  # fmt: skip
@workers_option
@output_options
def tune_gate(
    dir: Path,  # noqa: A002  (what click calls the argument)
    workers: int | None,
    as_json: bool,
    quiet: bool,
    **asked: str | float | None,
) -> int:
    """Ask the tuned model in DIR and the one it was made of the same problems, and decide.

    What is not said here is as in the last gate of DIR, else as a recipe has it where it says
    nothing. What was asked before is not asked again. Exit code 0: passed. 3: refused, or too
    few problems to tell.

    \b
    lathe tune gate runs/my-tune
    lathe tune gate runs/my-tune --own tasks.jsonl
    lathe tune gate runs/my-tune --every 1 --json
    """
    output = Output(as_json, quiet)
    from codelathe.cli.gating import gate_exit, run_gate, show_gated
    from codelathe.evaluation.gate_files import gated_document, read_settings
    from codelathe.training.recipe import GatePart
    from codelathe.training.recipe_reading import read_section

    said = {name: value for name, value in asked.items() if value is not None}
    gate, _ = read_section(GatePart, {**read_settings(dir), **said}, "gate")
    gated = run_gate(dir, gate, output, workers)
    if output.json:
        output.document(gated_document(gated))
    else:
        show_gated(gated)
    return gate_exit(gated)
