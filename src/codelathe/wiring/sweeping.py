"""What a sweep needs of other rooms, each piece of work as a function for a process of its own.

The functions that begin with `work_` take and return JSON objects: `core.fresh.run_fresh` calls
them by their names. `open_workshop` is the side that calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from codelathe.core.errors import LatheError, ModelFileError
from codelathe.core.fresh import Tell, run_fresh
from codelathe.wiring.checkpoints import open_checkpoint
from codelathe.wiring.engines import open_engine
from codelathe.wiring.judging import open_benchmark, open_judge
from codelathe.wiring.models import cache_folder, model_sha256
from codelathe.wiring.pruning import prune_doors, prune_precision
from codelathe.wiring.quantizing import find_quantizable, quantize_doors

if TYPE_CHECKING:
    from codelathe.compression.job import Pruned
    from codelathe.compression.listening import Heard
    from codelathe.compression.variants import Variant
    from codelathe.evaluation.evaluating import Hearing, Planned, Standing
    from codelathe.evaluation.sweep import Asked, Workshop
    from codelathe.wiring.models import Found


def require_variants(variants: Iterable[Variant]) -> None:
    """See that what the variants need is installed, before anything is fetched.

    Raises:
        MissingDependency: a package is not.
        UnsupportedArgument: a program is not.
    """
    from importlib.util import find_spec

    from codelathe.compression.quantizing_making import require_tools
    from codelathe.compression.quantizing_methods import Method
    from codelathe.core.errors import MissingDependency

    for variant in variants:
        for package in variant.packages:
            if find_spec(package) is None:
                raise MissingDependency(package, "compress", f"--methods {variant.name}")
        if isinstance(variant.how, Method):
            require_tools(variant.how)


def refused_variants(variants: Iterable[Variant], found: Found) -> dict[str, str]:
    """Those that the model cannot become, by name, and why."""
    from codelathe.compression.quantizing_methods import Method

    refused = {}
    doors = quantize_doors(found, lambda *_: None)
    for variant in variants:
        if isinstance(variant.how, Method):
            try:
                doors.check(variant.how)
            except LatheError as error:
                refused[variant.name] = error.message
    return refused


def open_workshop(asked: Asked, refused: Mapping[str, str], tell: Tell) -> Workshop:
    """Who does a sweep's work: each piece in a process of its own, which tells how far it is.

    `refused` are variants that cannot be made, and why.
    """
    from codelathe.evaluation.sweep import Workshop

    def work(name: str, who: str, **told: Any) -> dict[str, Any]:
        def heard(stage: str, done: int, total: int, more: str = "", /) -> None:
            tell(f"{who}: {stage}", done, total, more)

        heard("starting", 0, 1)
        return run_fresh(f"{__name__}:work_{name}", told, heard)

    def make(variant: Variant, path: Path) -> dict[str, Any]:
        if variant.name in refused:
            raise LatheError(refused[variant.name])
        told = {"model": asked.model, "sha256": asked.sha256, "out": str(path)}
        return work("make", variant.name, variant=variant.name, **told)

    def measure(name: str, model: str, engine: str) -> dict[str, Any]:
        return work("measure", name, model=model, engine=engine)

    def ask(name: str, model: str, engine: str, folder: Path) -> None:
        told = {name: getattr(asked, name) for name in ("benchmark", "limit", "max_tokens")}
        work("ask", name, model=model, engine=engine, folder=str(folder), **told)

    return Workshop(
        describe=lambda: work("describe", "original", model=asked.model),
        make=make,
        measure=measure,
        ask=ask,
    )


def work_describe(asked: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """The original: the bytes of its weights, and its perplexity on held-out code."""
    from codelathe.compression.folder import weight_bytes
    from codelathe.compression.memory import told_of_memory
    from codelathe.compression.perplexity import measure_perplexity
    from codelathe.compression.quantizing_scores import held_out_windows

    tell("loading", 0, 1, "")
    with told_of_memory(asked["model"], "open", "choose a smaller model"):
        opened = open_checkpoint(asked["model"], "float32")
        opened.text.close()
        found = measure_perplexity(opened.model, held_out_windows(opened).ids, _heard(tell))
    value = found.value if found.value < float("inf") else None
    return {"bytes": weight_bytes(opened.path), "perplexity": value}


def work_make(asked: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """A variant at the path `out`: its bytes, how near it is to the original, and notes.

    Raises:
        ModelFileError: the model is not the one any more that the sweep is of.
    """
    if find_quantizable(asked["model"]).sha256 != asked["sha256"]:
        raise ModelFileError(
            f"{asked['model']} was changed after the sweep began",
            hint="sweep what is there now into another folder: --out",
        )
    from codelathe.compression.quantizing_methods import Method
    from codelathe.compression.variants import parse_variant

    variant = parse_variant(asked["variant"])
    out, heard = Path(asked["out"]), _heard(tell)
    if isinstance(variant.how, Method):
        return _quantized(asked["model"], variant, out, heard)
    return _pruned(asked["model"], variant, out, heard)


def _quantized(model: str, variant: Variant, out: Path, heard: Heard) -> dict[str, Any]:
    from codelathe.compression.quantizing import quantize
    from codelathe.compression.quantizing_job import QuantizeJob
    from codelathe.compression.quantizing_methods import Method

    assert isinstance(variant.how, Method), "the caller has looked"
    found = find_quantizable(model)
    job = QuantizeJob(
        found.ref, found.path, found.sha256, variant.how, out, samples=variant.samples
    )
    told = quantize(job, quantize_doors(found, heard), heard).details
    return _told(told["check"], told["bytes"]["stored"], told["notes"], told["seconds"])


def _pruned(model: str, variant: Variant, out: Path, heard: Heard) -> dict[str, Any]:
    from codelathe.compression.quantizing_scores import compare_opened

    pruned = _prune(model, variant, out, heard)
    with TemporaryDirectory(dir=out.parent) as scratch:
        check = compare_opened(
            lambda: open_checkpoint(model, "float32"),
            lambda: open_checkpoint(f"{out.absolute()}/", "float32"),
            Path(scratch),
            heard,
        ).document()
    return _told({**check, "faults": []}, pruned.bytes[1], pruned.notes, pruned.seconds)


def _prune(model: str, variant: Variant, out: Path, heard: Heard) -> Pruned:
    from codelathe.compression.job import PruneJob
    from codelathe.compression.options import PruneOptions
    from codelathe.compression.pruning import prune

    assert isinstance(variant.how, PruneOptions), "the caller has looked"
    job = PruneJob(model, variant.how, out, packed=variant.how.unstructured)
    return prune(job, prune_doors(model, prune_precision(model)), heard)


def _told(check: Mapping[str, Any], size: int, notes: Any, seconds: float) -> dict[str, Any]:
    return {
        "bytes": size,
        "perplexity": check["perplexity"]["quantized"],
        "kl_nats_per_token": check["kl_nats_per_token"],
        "agreeing": check["agreeing"],
        "notes": [*notes, *check["faults"]],
        "seconds": round(seconds, 2),
    }


def work_measure(asked: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """What a model takes and gives with an engine."""
    from codelathe.compression.calibration import library_texts
    from codelathe.evaluation.measuring import measure

    tell("measuring", 0, 1, "")
    texts = library_texts("held out").texts
    return asdict(measure(lambda: open_engine(asked["model"], asked["engine"]), texts))


def work_ask(asked: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Let a model answer a benchmark into `folder`, and judge it."""
    from codelathe.evaluation.evaluating import Model, Wish, evaluate, prepare

    model = asked["model"]
    with closing(open_judge()) as judge:
        benchmark = open_benchmark(asked["benchmark"], None, judge)
        tell("loading", 0, 1, "")
        with closing(open_engine(model, asked["engine"], several=True)) as engine:
            who = Model(model, engine.info, model_sha256(model))
            wish = Wish(limit=asked["limit"], max_tokens=asked["max_tokens"])
            planned = prepare(benchmark, who, wish)
            evaluate(
                planned, engine, judge, Path(asked["folder"]), cache_folder("canonical"),
                _hearing(planned, tell),
            )  # fmt: skip
    return {}


def _hearing(planned: Planned, tell: Tell) -> Hearing:
    from codelathe.evaluation.evaluating import Hearing

    name = planned.assignment.benchmark.name

    def standing(now: Standing) -> None:
        tell(f"{name}, {now.stage}", now.judged, now.total, f"{now.passed} passed")

    return Hearing(standing)


def _heard(tell: Tell) -> Heard:
    def heard(stage: str, done: int, total: int) -> None:
        tell(stage, done, total, "")

    return heard
