"""`lathe judge`: run code again and decide, without a model."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import click

from codelathe.cli.console import NOT_PROVED, Output, output_options, printable
from codelathe.cli.files import read_text
from codelathe.cli.judging import (
    FORGEABLE,
    base_only_option,
    data_option,
    ks_option,
    mode_option,
    parse_ks,
    start,
    workers_option,
)
from codelathe.cli.options import PATH
from codelathe.core.errors import ProblemError, UnknownName, UsageError

PROOF = "proof"


@click.command(short_help="Judge code again, without a model.")
@click.argument("benchmark")
@click.argument("samples", type=PATH)
@data_option
@click.option(
    "--out", type=PATH, metavar="FILE",
    help="Where the verdicts go; else SAMPLES_verdicts.jsonl.",
)  # fmt: skip
@base_only_option
@mode_option
@click.option(
    "--timeout", type=float, metavar="SECONDS", help="In place of the benchmark's own limit."
)
@workers_option
@ks_option
@output_options
def judge(
    benchmark: str,
    samples: Path,
    data: Path | None,
    out: Path | None,
    base_only: bool,
    mode: str,
    timeout: float | None,
    workers: int | None,
    ks: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Judge SAMPLES against BENCHMARK in isolation, and score them.

    SAMPLES is JSON Lines, .gz or not: "task_id" with "completion", what follows the prompt, or
    with "solution", the whole program. One line for each goes to the verdicts file; the same
    command goes on where it was stopped. Exit code 3: some samples could not be judged.

    BENCHMARK may be "proof": SAMPLES is then a document of `lathe generate --json`, whose code
    is run again against its examples under its limits. Exit code 0: it came to the same proof;
    3: it did not, or nothing is proved.

    \b
    lathe judge humaneval samples.jsonl
    lathe judge mbpp+ samples.jsonl.gz --out verdicts.jsonl -k 1,10 --json
    lathe judge proof solution.json
    """
    output = Output(as_json, quiet)
    if benchmark == PROOF:
        given = any(x is not None for x in (data, out, timeout, workers, ks))
        if given or base_only or mode != "hardened":
            raise UsageError(
                "a proof has its own limits, mode and examples, and takes no options but "
                "--json and --quiet",
                hint=f"lathe judge proof {samples}",
            )
        return _judge_proof(samples, output)
    return _judge_samples(
        benchmark, samples, output,
        data=data, out=out, base_only=base_only, mode=mode, timeout=timeout, workers=workers,
        ks=parse_ks(ks),
    )  # fmt: skip


def _judge_samples(
    benchmark: str,
    samples: Path,
    output: Output,
    *,
    data: Path | None,
    out: Path | None,
    base_only: bool,
    mode: str,
    timeout: float | None,
    workers: int | None,
    ks: tuple[int, ...] | None,
) -> int:
    from codelathe.wiring import open_benchmark, open_judge

    verdicts = _verdicts_file(samples, out)
    result = verdicts.parent / f"{_stem(verdicts)}.result.json"
    with closing(open_judge(mode, workers)) as opened:
        start(opened)
        # What follows is imported while the first sandbox is built.
        from codelathe.benchmarks import BENCHMARKS, is_own
        from codelathe.cli.progress import fetching
        from codelathe.cli.verdicts import show_summary, watching
        from codelathe.evaluation.judging import judge_samples, open_ledger, plan
        from codelathe.evaluation.samples import look_at
        from codelathe.evaluation.summary import summary_document

        if benchmark not in BENCHMARKS and not is_own(benchmark):
            raise UnknownName("benchmark", benchmark, [*BENCHMARKS, PROOF], field="benchmark")
        look_at(samples)
        with fetching(output) as progress:
            found = open_benchmark(benchmark, data, opened, progress, base_only=base_only)
        work = plan(found, samples, ks, timeout)
        with open_ledger(work, mode, verdicts, result) as ledger:
            if mode == "compat":
                output.say(FORGEABLE)
            if ledger.replaced:
                told = printable(f"{verdicts}: verdicts with another {', '.join(ledger.replaced)}")
                output.say(f"{told} were there, and are replaced")
            try:
                with watching(output) as listener:
                    summary = judge_samples(work, opened, ledger, listener)
            except KeyboardInterrupt:
                output.say(
                    f"{ledger.count} of {work.samples} samples are judged and kept in "
                    f"{printable(str(verdicts))}; the same command goes on from there"
                )
                raise
    if output.json:
        output.document(
            {**summary_document(summary), "verdicts": str(verdicts), "result": str(result)}
        )
    else:
        show_summary(summary, verdicts)
    return NOT_PROVED if summary.counts.get("unjudged") else 0


def _verdicts_file(samples: Path, out: Path | None) -> Path:
    """Where the verdicts go: never over the samples."""
    if out is None:
        return samples.parent / f"{_stem(samples)}_verdicts.jsonl"
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder", hint="name a file", field="out")
    if out.exists() and samples.exists() and out.samefile(samples):
        raise UsageError(
            f"--out {out} is the samples file itself", hint="name another file", field="out"
        )
    return out


def _stem(path: Path) -> str:
    """The name of a file without `.jsonl`, `.json` and `.gz`."""
    name = path.name.removesuffix(".gz")
    return name.removesuffix(".jsonl").removesuffix(".json")


def _judge_proof(document_file: Path, output: Output) -> int:
    from codelathe.cli.show import show_proof, show_verdict
    from codelathe.synthesis.replay import replay
    from codelathe.synthesis.report import proof_document, verdict_document
    from codelathe.wiring import open_judge

    try:
        document = json.loads(read_text(document_file))
    except (ValueError, RecursionError) as error:
        raise ProblemError(
            f"{document_file} is not JSON: {error}",
            hint="lathe generate ... --json > solution.json",
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
