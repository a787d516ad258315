"""`lathe compress sweep`: many smaller variants of a model side by side, and which to use."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codelathe.cli.console import Output, output_options, printable
from codelathe.cli.judging import start
from codelathe.cli.options import PATH
from codelathe.cli.progress import counting, fetching
from codelathe.core.errors import InputError, InUse, LatheError, UnknownName

if TYPE_CHECKING:
    from codelathe.evaluation.sweep import Asked, Swept
    from codelathe.evaluation.sweep_budget import Budget
    from codelathe.wiring import Found


@click.command(short_help="Make many variants of a model, and measure what each costs.")
@click.argument("model")
@click.option(
    "--methods", metavar="NAME,...",
    help="Quantized: q8_0, q5_1, q4_1, dynamic-int8, int8, nf4, openvino-int8, openvino-int4, "
    "openvino-int4-awq, q3_k_m to q6_k. Pruned: METHOD:SHARE, as wanda:0.5, sparsegpt:0.5, l1:0.3, "
    "l1-structured:0.2, depth:0.2, or METHOD:N:M, as wanda:2:4. Else dynamic-int8, openvino-int8, "
    "openvino-int4, q8_0, q4_1.",
)  # fmt: skip
@click.option(
    "--benchmark", default="humaneval", show_default=True, metavar="NAME",
    help="What all are asked, or your own problems as a .jsonl file.",
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Only the data's first N problems."
)
@click.option(
    "--max-tokens", type=click.IntRange(min=1), metavar="N",
    help="Longest answer, in tokens; else the protocol's own, for which a short context has no "
    "room.",
)  # fmt: skip
@click.option("--max-memory", metavar="SIZE", help="Of the measured peak, such as 2GB or 800MB.")
@click.option(
    "--max-loss", type=click.FloatRange(min=0, max=100), metavar="POINTS",
    help="How much of the pass rate may be lost, in percentage points.",
)  # fmt: skip
@click.option(
    "--out", type=PATH, metavar="DIR",
    help="Where all of it goes; else a folder of its own under runs/ in CODELATHE_HOME.",
)  # fmt: skip
@output_options
def compress_sweep(
    model: str,
    methods: str | None,
    benchmark: str,
    limit: int | None,
    max_tokens: int | None,
    max_memory: str | None,
    max_loss: float | None,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make variants of MODEL, measure each in a process of its own, and ask all the same problems.

    Each row: bytes, peak memory, load time, tokens a second, perplexity and KL on code, pass@1
    with its interval, and the paired difference to the original. With --max-memory or --max-loss
    the fastest variant within them is named. All of it goes to DIR: sweep.json, two pictures, a
    board, the variants and their runs. The same command goes on where it was stopped, and with
    more methods makes those. Exit code 3: a variant failed, none fits, or it is not sure
    that the one that is named does.

    \b
    lathe compress sweep smollm2-135m --limit 20
    lathe compress sweep ./my-model --methods q8_0,q4_1,wanda:0.5,sparsegpt:2:4 --out my-sweep
    lathe compress sweep ./my-model --max-memory 2GB --max-loss 2
    """
    output = Output(as_json, quiet)
    from codelathe.compression.variants import USUAL, parse_variants
    from codelathe.evaluation.sweep_budget import Budget, parse_memory

    variants = parse_variants(USUAL if methods is None else methods)
    budget = Budget(
        memory=None if max_memory is None else parse_memory(max_memory),
        loss=None if max_loss is None else max_loss / 100,
    )
    _check_benchmark(benchmark)
    from codelathe.cli.sweeping import row_line
    from codelathe.evaluation.sweep import sweep
    from codelathe.wiring import open_workshop, refused_variants, require_variants

    require_variants(variants)
    found = _find(model, output)
    refused = refused_variants(variants, found)
    for name, why in refused.items():
        output.say(printable(f"{name} cannot be made of this model: {why}"))
    asked = _asked(found, benchmark, limit, max_tokens, output)
    folder = out if out is not None else _folder(asked)
    with counting(output) as count:
        workshop = open_workshop(asked, refused, count)
        try:
            swept = sweep(asked, variants, folder, workshop, lambda row: output.say(row_line(row)))
        except (InputError, InUse):
            raise  # nothing was begun
        except (KeyboardInterrupt, LatheError):
            output.say(printable(f"what is done is kept in {folder}; the same command goes on"))
            raise
    return _end(swept, budget, output)


def _check_benchmark(name: str) -> None:
    from codelathe.benchmarks import BENCHMARKS, is_own

    if name not in BENCHMARKS and not is_own(name):
        raise UnknownName(
            "benchmark", name, BENCHMARKS, also="your own: name a .jsonl file", field="benchmark"
        )


def _find(model: str, output: Output) -> Found:
    """The model, fetched where it is missing; refused where nothing can be made of it."""
    from codelathe.compression.quantizing import check_original
    from codelathe.engines.transformers import require_packages
    from codelathe.evaluation.sweep_files import require_pictures
    from codelathe.wiring import find_quantizable

    require_packages("a sweep")
    require_pictures()
    with fetching(output) as progress:
        found = find_quantizable(model, progress)
    check_original(found.ref, found.path)
    return found


def _asked(
    found: Found, benchmark: str, limit: int | None, max_tokens: int | None, output: Output
) -> Asked:
    """All that the sweep depends on; the benchmark is read, so that its data is in place."""
    from codelathe.benchmarks import BENCHMARKS
    from codelathe.evaluation.sweep import Asked
    from codelathe.wiring import open_benchmark, open_judge

    name = benchmark if benchmark in BENCHMARKS else str(Path(benchmark).absolute())
    with closing(open_judge()) as judge:
        start(judge)
        with fetching(output) as progress:
            opened = open_benchmark(name, None, judge, progress)
    file = found.path.is_file()
    return Asked(
        model=str(found.path.absolute()) if found.base.scheme in ("path", "gguf") else found.ref,
        sha256=found.sha256,
        engine="llamacpp" if file else "transformers",
        benchmark=name,
        data_sha256=opened.sha256,
        limit=limit if limit is not None and limit < len(opened.tasks) else None,
        max_tokens=max_tokens,
    )


def _folder(asked: Asked) -> Path:
    """A folder for all sweeps of the same."""
    import hashlib
    import json

    from codelathe.wiring import runs_folder

    text = json.dumps(asked.settings, sort_keys=True)
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    return runs_folder() / f"sweep-{asked.stem}-{digest[:8]}"


def _end(swept: Swept, budget: Budget, output: Output) -> int:
    """Draw, write, print; the exit code."""
    from codelathe.cli.sweeping import show_advice, show_swept, sweep_exit
    from codelathe.evaluation.sweep_budget import advise
    from codelathe.evaluation.sweep_files import finish
    from codelathe.wiring import open_store

    advice = advise(swept.rows, budget) if budget.asked else None
    document = finish(swept, budget, advice, open_store())
    if output.json:
        output.document(document)
    else:
        show_swept(swept, output)
        if advice is not None:
            show_advice(advice, budget)
        click.echo(printable(f"all of it: {swept.folder}, to look at: {swept.folder}/board.html"))
    return sweep_exit(swept, advice)
