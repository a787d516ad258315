"""`lathe export merge`: an adapter and its base become one checkpoint, checked before it counts."""

from __future__ import annotations

from pathlib import Path

import click

from codelathe.cli.console import NOT_PROVED, Output, output_options
from codelathe.cli.export_parts import check_option, find_model, hearing, say_notes, show
from codelathe.cli.options import PATH
from codelathe.core.errors import UsageError


@click.command(short_help="Merge an adapter into its base.")
@click.argument("adapter", metavar="adapter:DIR")
@click.option(
    "--out", required=True, type=PATH, metavar="DIR",
    help="Where the checkpoint goes; it appears when it is complete.",
)  # fmt: skip
@click.option(
    "--precision", default="auto", show_default=True, metavar="NAME",
    help="float32, bfloat16 or float16; auto is what the base is stored in.",
)  # fmt: skip
@check_option
@output_options
def export_merge(
    adapter: str, out: Path, precision: str, prompts: int, as_json: bool, quiet: bool
) -> int:
    """Merge an adapter into its base, and check that the result is the same model.

    The sum is made in 32 bits. What was written is loaded again and compared with base and
    adapter: logits within bounds, greedy texts, chat template, special and end tokens. Exit code
    3: it differs by more; the folder is kept, marked in its lathe.json.

    \b
    lathe export merge adapter:runs/my-tune --out my-model
    lathe export merge adapter:runs/my-tune --out my-model --precision bfloat16 --check 50 --json
    """
    output = Output(as_json, quiet)
    from codelathe.core.checkpoint import read_checkpoint_header
    from codelathe.engines.transformers import require_packages
    from codelathe.training.export.merging import Order, merge
    from codelathe.wiring import open_checkpoint

    require_packages("merging")
    found = find_model(adapter, output)
    if found.parts is None:
        raise UsageError(
            f"{adapter} is not an adapter", hint="adapter:DIR names one", field="adapter"
        )
    with hearing(output) as heard:
        merged = merge(Order(found.parts, out, precision, prompts), open_checkpoint, heard)
    say_notes(list(merged.details["notes"]), output)
    if output.json:
        architecture = read_checkpoint_header(merged.path).architecture
        output.document({**merged.document(), "architecture": architecture})
    elif not quiet:
        show(merged, "merged", f"{prompts} answers compared")
    return 0 if merged.passed else NOT_PROVED
