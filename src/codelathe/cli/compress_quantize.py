"""`lathe compress quantize`: a model with its weights in fewer bits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codelathe.cli.calibrating import calibration_texts
from codelathe.cli.console import NOT_PROVED, Output, output_options, printable
from codelathe.cli.options import PATH
from codelathe.cli.progress import counting, fetching, human_bytes

if TYPE_CHECKING:
    from codelathe.compression.quantizing_job import Quantized


@click.command(short_help="Store a model's weights in fewer bits.")
@click.argument("model")
@click.option(
    "--method", required=True, metavar="NAME",
    help="dynamic-int8, int8, nf4, openvino-int8, openvino-int4, openvino-int4-awq, q8_0, q5_1, "
    "q4_1; with llama.cpp installed q3_k_m, q4_k_m, q5_k_m, q6_k.",
)  # fmt: skip
@click.option(
    "--calibration", metavar="FILE",
    help="Code for openvino-int4-awq: rows of training data or a text; else Python's library.",
)  # fmt: skip
@click.option(
    "--samples", type=click.IntRange(min=1), metavar="N",
    help="How many windows of 512 tokens of it are taken; 32 unless you say otherwise.",
)  # fmt: skip
@click.option(
    "--out", required=True, type=PATH, metavar="PATH",
    help="The new model's folder, or FILE.gguf; it appears when all is done and checked.",
)  # fmt: skip
@output_options
def compress_quantize(
    model: str,
    method: str,
    calibration: str | None,
    samples: int | None,
    out: Path,
    as_json: bool,
    quiet: bool,
) -> int:
    """Store the weights of MODEL in 8 to 4 bits, at PATH, which every verb that runs models takes.

    What is written is opened again and held against the original on code that calibration never
    sees: tokens, chat template and end tokens must be the same, KL and first choices within the
    method's bounds. Exit code 3: it is there, and further off than that. docs/compress.md has the
    methods: which engine runs them, how small, how fast, how near.

    \b
    lathe compress quantize ./my-model --method dynamic-int8 --out my-int8
    lathe compress quantize ./my-model --method openvino-int4 --out my-ov-int4
    lathe compress quantize hf:HuggingFaceTB/SmolLM2-135M-Instruct --method q8_0 --out smol.gguf
    lathe evaluate humaneval --model ./my-int8
    """
    output = Output(as_json, quiet)
    from codelathe.compression.quantizing_methods import check_samples, quantize_method

    chosen = quantize_method(method)
    count = check_samples(chosen, samples, texts=calibration is not None)
    from codelathe.engines.transformers import require_packages

    require_packages("quantizing")
    from codelathe.compression.quantizing import quantize
    from codelathe.compression.quantizing_job import QuantizeJob
    from codelathe.wiring import find_quantizable, quantize_doors

    texts = calibration_texts(calibration, output) if calibration else None
    with fetching(output) as progress:
        found = find_quantizable(model, progress)
    job = QuantizeJob(found.ref, found.path, found.sha256, chosen, out, texts, count)
    with counting(output) as heard:
        made = quantize(job, quantize_doors(found, heard), heard)
    for note in made.details["notes"]:
        output.say(f"note: {printable(note)}")
    if output.json:
        output.document(made.document())
    elif not quiet:
        _show(made)
    return 0 if made.passed else NOT_PROVED


def _show(made: Quantized) -> None:
    """What was written, how large it is, in which numbers, and how near to the original."""
    told: Any = made.details
    check, size = told["check"], told["bytes"]
    head = "quantized" if made.passed else "further off than it should be"
    again = " (as it was made before)" if made.again else ""
    click.echo(
        f"{click.style(head, bold=True)}{again} by {told['method']}: "
        f"{human_bytes(size['stored'])}, of {human_bytes(size['original'])}"
    )
    total = sum(one["weights"] for one in told["precisions"].values())
    for name, one in told["precisions"].items():
        share = one["weights"] / max(total, 1)
        click.echo(f"  {name:10}  {share:6.1%} of the weights, {one['tensors']} tensors")
    if calibrated := told["calibration"]:
        source = printable(calibrated["source"])
        windows = f"{calibrated['windows']} x {calibrated['length']} tokens"
        click.echo(f"  calibrated  {windows}, {source}")
    before, after = (check["perplexity"][side] for side in ("original", "quantized"))
    click.echo(
        f"  on code     KL {_told(check['kl_nats_per_token'])} nats a token, "
        f"{check['agreeing']:.1%} of first choices equal, perplexity "
        f"{_told(before)} -> {_told(after)} ({check['tokens']} tokens)"
    )
    for fault in check["faults"]:
        click.secho(f"  {printable(fault)}", fg="red")
    click.echo(f"  runs on     {', '.join(told['engines'])}")
    click.echo(f"use it: lathe generate ... --model {printable(made.ref)}")


def _told(number: float | None) -> str:
    return "no number" if number is None else f"{number:.4g}"
