"""`lathe judge`: run code again and decide, without a model."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import click

from codelathe.cli.console import Output, output_options
from codelathe.cli.files import read_text
from codelathe.core.errors import ProblemError, UnknownName

NOT_PROVED = 3
BENCHMARKS = ("proof",)


@click.command(short_help="Judge code again, without a model.")
@click.argument("benchmark")
@click.argument("samples", type=click.Path(path_type=Path))
@output_options
def judge(benchmark: str, samples: Path, as_json: bool, quiet: bool) -> int:
    """Judge SAMPLES against BENCHMARK in isolation.

    BENCHMARK is "proof": SAMPLES is a document of `lathe generate --json`, whose code is
    run again against its examples under its limits. Exit code 0: it came to the same proof;
    3: it did not, or nothing is proved.

    \b
    lathe generate "Reverse a string." --input "'ab'" --output "'ba'" --json > solution.json
    lathe judge proof solution.json
    """
    from codelathe.cli.show import show_proof, show_verdict
    from codelathe.synthesis.replay import replay
    from codelathe.synthesis.report import proof_document, verdict_document
    from codelathe.wiring import open_judge

    if benchmark not in BENCHMARKS:
        raise UnknownName("benchmark", benchmark, BENCHMARKS, field="benchmark")
    output = Output(as_json, quiet)
    try:
        document = json.loads(read_text(samples))
    except (ValueError, RecursionError) as error:
        raise ProblemError(
            f"{samples} is not JSON: {error}", hint="lathe generate ... --json > solution.json"
        ) from None
    with closing(open_judge()) as opened:
        again = replay(document, opened)
    proof = again.solution.proof
    if output.json:
        output.document(
            {
                "agrees": again.agrees,
                "claimed": again.claimed,
                "proof": proof_document(proof),
                "verdicts": [verdict_document(v) for v in again.solution.verdicts],
            }
        )
    else:
        screen = output.screen()
        for verdict in again.solution.verdicts:
            show_verdict(screen, verdict)
        show_proof(screen, proof, f"it passes {proof.passed} of {proof.total} examples")
        screen.print("the same proof" if again.agrees else "[red]another proof than claimed[/red]")
    return 0 if again.agrees and proof.proved else NOT_PROVED
