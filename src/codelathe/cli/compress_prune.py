"""`lathe compress prune`: a model with weights, heads or layers taken away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codelathe.cli.calibrating import calibration_texts
from codelathe.cli.console import Output, output_options, printable
from codelathe.cli.options import PATH
from codelathe.cli.progress import counting, fetching, human_bytes
from codelathe.core.errors import UnknownName, UsageError
from codelathe.core.modelref import path_ref

if TYPE_CHECKING:
    from codelathe.compression.job import Pruned

_PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@click.command(short_help="Prune weights, heads or layers of a model.")
@click.argument("model")
@click.option(
    "--method", required=True, metavar="NAME",
    help="l1, wanda, sparsegpt, l1-structured or depth.",
)  # fmt: skip
@click.option(
    "--sparsity", type=float, metavar="SHARE",
    help="Of the layers' linear weights, between 0 and 1; with --pattern it follows from that.",
)  # fmt: skip
@click.option(
    "--pattern", metavar="N:M",
    help="Keep N of every M neighbouring weights, as 2:4; for l1, wanda and sparsegpt.",
)  # fmt: skip
@click.option(
    "--scope", default="layer", show_default=True, metavar="NAME",
    help="For l1: compare weights within each layer, or global.",
)  # fmt: skip
@click.option(
    "--calibration", metavar="FILE",
    help="Code to measure the model by: rows of training data or a text; else Python's library.",
)  # fmt: skip
@click.option(
    "--samples", type=click.IntRange(min=1), default=64, show_default=True, metavar="N",
    help="How many windows of 512 tokens of it are taken.",
)  # fmt: skip
@click.option(
    "--recover", type=click.IntRange(min=1), metavar="STEPS",
    help="Let the pruned model learn from the original so long; zeros stay. Takes both in memory.",
)  # fmt: skip
@click.option(
    "--precision", default="auto", show_default=True, metavar="NAME",
    help="float32, bfloat16 or float16; auto: as it is stored, of a GGUF file bfloat16.",
)  # fmt: skip
@click.option(
    "--dense", is_flag=True,
    help="Write zeros as ordinary safetensors for other programs, not packed.",
)  # fmt: skip
@click.option(
    "--out", required=True, type=PATH, metavar="DIR",
    help="The new model's folder; it appears when all is done and checked.",
)  # fmt: skip
@output_options
def compress_prune(
    model: str,
    method: str,
    sparsity: float | None,
    pattern: str | None,
    scope: str,
    calibration: str | None,
    samples: int,
    recover: int | None,
    precision: str,
    dense: bool,
    out: Path,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make a MODEL with fewer weights, in the folder DIR, which every other verb takes.

    l1, wanda and sparsegpt set weights to zero; they are stored packed, which lathe reads, or with
    --dense for any program. No engine here runs faster because of zeros: the file is smaller.
    l1-structured takes out attention heads and neurons, depth whole layers: the model itself
    is smaller and faster, and an ordinary checkpoint.

    \b
    lathe compress prune smollm2-135m --method wanda --sparsity 0.5 --out smol-half
    lathe compress prune smollm2-135m --method sparsegpt --pattern 2:4 --out smol-24
    lathe compress prune smollm2-135m --method depth --sparsity 0.2 --out smol-24-layers
    lathe evaluate humaneval --model ./smol-half
    """
    output = Output(as_json, quiet)
    if precision not in _PRECISIONS:
        raise UnknownName("precision", precision, _PRECISIONS, field="precision")
    from codelathe.compression.options import prune_options

    options = prune_options(method, sparsity, pattern, scope, samples)
    options = replace(options, recover=recover or 0)
    if calibration and not options.reads_text:
        raise UsageError(
            f"{method} looks at weights alone and is not calibrated",
            hint="leave --calibration out, let it --recover on that text, or: --method wanda",
            field="calibration",
        )
    texts = calibration_texts(calibration, output) if calibration else None
    from codelathe.compression.job import PruneJob
    from codelathe.compression.pruning import prune
    from codelathe.wiring import prune_doors, prune_precision

    with fetching(output) as progress:
        numbers = prune_precision(model, precision, progress)
    job = PruneJob(model, options, out, texts, packed=options.unstructured and not dense)
    with counting(output) as count:
        pruned = prune(job, prune_doors(model, numbers), count)
    for note in pruned.notes:
        output.say(f"note: {printable(note)}")
    if output.json:
        output.document(pruned.document())
    elif not quiet:
        _show(pruned)
    return 0


def _show(pruned: Pruned) -> None:
    """What was pruned, where it is and how large."""
    job = pruned.job
    asked = str(job.options.pattern or f"{job.options.sparsity:g}")
    before, after = pruned.parameters
    head = click.style(f"{pruned.sparsity:.2%} pruned", bold=True)
    click.echo(f"{head} of {printable(job.model)} by {job.options.method}, {asked} asked for")
    if job.options.unstructured:
        shares = sorted((layer.zeros / layer.weights, layer.name) for layer in pruned.layers)
        (low, lowest), (high, highest) = shares[0], shares[-1]
        click.echo(f"  layers      {len(shares)}: {low:.2%} ({lowest}) to {high:.2%} ({highest})")
    else:
        removed = ", ".join(f"{name} {_brief(value)}" for name, value in pruned.removed.items())
        click.echo(f"  removed     {removed}")
        click.echo(f"  parameters  {before:,} -> {after:,} ({after / before:.1%})")
    dense, stored = pruned.bytes
    packed = f" packed, {stored / dense:.1%} of {human_bytes(dense)}" if job.packed else ""
    click.echo(f"  weights     {human_bytes(stored)}{packed}, {', '.join(pruned.precisions)}")
    if pruned.calibration:
        told = pruned.calibration
        source = printable(told["source"])
        click.echo(f"  calibrated  {told['windows']} x {told['length']} tokens, {source}")
    if pruned.recovered:
        won = pruned.recovered
        click.echo(
            f"  recovered   perplexity {won.pruned:.2f} -> {won.recovered:.2f} on {won.held_out} "
            f"held-out windows, {won.original:.2f} before pruning; {won.tokens:,} tokens learned"
        )
    click.echo(f"  checked     saved, loaded again, bit-equal; {pruned.seconds:.0f} s")
    click.echo(f"use it: lathe generate ... --model {printable(path_ref(job.out))}")


def _brief(value: object) -> str:
    """How many of how many; of blocks their numbers."""
    if isinstance(value, tuple):
        return f"{value[0]:,} of {value[1]:,}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
