"""`lathe evaluate`: a model is asked a benchmark's problems, and its answers are judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codelathe.cli.console import NOT_PROVED, Output, output_options, printable
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
from codelathe.cli.options import PATH, engine_option, model_option, precision_option
from codelathe.core.errors import InUse, LatheError, UnknownName, UsageError

if TYPE_CHECKING:
    from codelathe.benchmarks import Benchmark
    from codelathe.core.generation import Engine
    from codelathe.evaluation.evaluating import Planned, Wish
    from codelathe.judge import SandboxJudge

_OWN = "model"


@click.command(short_help="Score a model on a benchmark by running what it writes.")
@click.argument("benchmark")
@model_option
@engine_option
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Only the data's first N problems."
)
@click.option(
    "-n", "samples", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="Answers to each problem.",
)  # fmt: skip
@ks_option
@click.option(
    "--temperature", metavar="T",
    help="0 to 2, or 'model' for its own; else 0 for one answer and 0.8 for several.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Seed of answers that are drawn.")
@click.option(
    "--max-tokens", type=click.IntRange(min=1), metavar="N",
    help="Longest answer, in tokens; else the protocol's own.",
)  # fmt: skip
@click.option(
    "--protocol", metavar="NAME",
    help="How the model is asked: fast (default), evalplus, or one by its whole name.",
)  # fmt: skip
@click.option(
    "--out", type=PATH, metavar="DIR",
    help="Where the three files go; else a folder of its own under runs/ in CODELATHE_HOME.",
)  # fmt: skip
@data_option
@base_only_option
@precision_option
@mode_option
@workers_option
@output_options
def evaluate(
    benchmark: str,
    model: str,
    engine: str,
    out: Path | None,
    data: Path | None,
    base_only: bool,
    precision: str,
    mode: str,
    workers: int | None,
    samples: int,
    ks: str | None,
    temperature: str | None,
    as_json: bool,
    quiet: bool,
    **wishes: object,
) -> int:
    """Ask a model every problem of BENCHMARK, run its answers in isolation, and score them.

    Answers are judged while others are written. The same command goes on where it was
    stopped, and answers at once where it is done. BENCHMARK may be a JSON Lines file of your
    own. Exit code 3: some answers could not be judged.

    For texts and their reference answers: lathe evaluate similarity --help

    \b
    lathe evaluate humaneval
    lathe evaluate mbpp --model smollm2-135m -n 20 -k 1,10
    lathe evaluate humaneval+ --model hf:Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF:q8_0 --limit 20
    lathe evaluate my-problems.jsonl --model openai:gpt-5-mini --temperature model --json
    """
    output = Output(as_json, quiet)
    from codelathe.evaluation.evaluating import Wish

    wish = Wish(
        n=samples, ks=parse_ks(ks), temperature=_parse_temperature(temperature),
        own_temperature=temperature == _OWN, mode=mode, **wishes,  # type: ignore[arg-type]
    )  # fmt: skip
    with _opened(benchmark, data, workers, wish, output, base_only=base_only) as (opened, judge):
        from codelathe.cli.progress import fetching
        from codelathe.wiring import open_engine

        with fetching(output) as progress:
            asked = open_engine(model, engine, progress, precision=precision, several=True)
        with closing(asked):
            return _run(_plan(opened, model, asked, wish), asked, judge, out, output)


@contextmanager
def _opened(
    name: str,
    data: Path | None,
    workers: int | None,
    wish: Wish,
    output: Output,
    *,
    base_only: bool,
) -> Iterator[tuple[Benchmark, SandboxJudge]]:
    """The benchmark and the judge, which starts while the data is read."""
    from codelathe.benchmarks import BENCHMARKS, is_own
    from codelathe.cli.progress import fetching
    from codelathe.wiring import open_benchmark, open_judge

    if name not in BENCHMARKS and not is_own(name):
        raise UnknownName(
            "benchmark", name, BENCHMARKS,
            also="your own: name a .jsonl file; of texts: lathe evaluate similarity --help",
            field="benchmark",
        )  # fmt: skip
    with ExitStack() as stack:
        judge = stack.enter_context(closing(open_judge(wish.mode, workers)))
        start(judge)
        with fetching(output) as progress:
            benchmark = open_benchmark(name, data, judge, progress, base_only=base_only)
        yield benchmark, judge


def _plan(benchmark: Benchmark, model: str, engine: Engine, wish: Wish) -> Planned:
    from codelathe.evaluation.evaluating import Model, prepare
    from codelathe.wiring import model_sha256

    return prepare(benchmark, Model(model, engine.info, model_sha256(model)), wish)


def _run(
    planned: Planned, engine: Engine, judge: SandboxJudge, out: Path | None, output: Output
) -> int:
    from codelathe.cli.running import running, show_evaluated
    from codelathe.evaluation.evaluating import evaluate as evaluate_planned
    from codelathe.evaluation.evaluating import evaluated_document, folder_name
    from codelathe.evaluation.files import is_there
    from codelathe.wiring import cache_folder, runs_folder

    folder = out if out is not None else runs_folder() / folder_name(planned)
    if is_there(folder) and not folder.is_dir():
        raise UsageError(f"--out {folder} is no folder", hint="name a folder", field="out")
    if planned.mode == "compat":
        output.say(FORGEABLE)
    with running(output) as hearing:
        try:
            evaluated = evaluate_planned(
                planned, engine, judge, folder, cache_folder("canonical"), hearing
            )
        except InUse:
            raise
        except (KeyboardInterrupt, LatheError):
            if kept := _kept(folder, planned):
                output.say(kept)
            raise
    if output.json:
        output.document(evaluated_document(evaluated))
    else:
        show_evaluated(evaluated, planned)
    return NOT_PROVED if evaluated.summary.counts.get("unjudged") else 0


def _kept(folder: Path, planned: Planned) -> str:
    """What an interrupted run leaves, and how to go on; nothing where it had not begun."""
    from codelathe.evaluation.files import is_there
    from codelathe.evaluation.transcript import COMPLETIONS, VERDICTS, waiting_in

    if not is_there(folder / f"{COMPLETIONS}.journal"):
        return ""
    total = len(planned.ids) * planned.assignment.n
    written, judged = (_lines(folder / name) for name in (COMPLETIONS, VERDICTS))
    written += waiting_in(folder, written)
    return (
        f"of {total} answers {written} are written and {judged} judged, and kept in "
        f"{printable(str(folder))}; the same command goes on from there"
    )


def _lines(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return 0


def _parse_temperature(text: str | None) -> float | None:
    """The number; None where there is none, or the model's own is wanted.

    Raises:
        UsageError: it is neither.
    """
    if text is None or text == _OWN:
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"--temperature takes a number or {_OWN!r}, not {text!r}",
            hint="--temperature 0.8",
            field="temperature",
        ) from None
