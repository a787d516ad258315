"""The gate: a tuned model against the one it was made of, on the same problems, by execution.

Two parts are asked of both: `own`, the held-out problems of what was learned, and `general`,
problems that have nothing to do with it. Each part is a run as `lathe evaluate` makes it, gone
on with where it was stopped; the model's before is kept for the next result made of it.

Three outcomes. `refused`: a drop is shown. `passed`: no drop is shown, and a drop of more than
the margin is excluded. `could not tell`: neither, for which the problems are too few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from codelathe.benchmarks.base import Benchmark
from codelathe.core.errors import UsageError
from codelathe.core.generation import Engine
from codelathe.core.judging import Judge
from codelathe.evaluation.comparing import Comparison, compare
from codelathe.evaluation.evaluating import (
    Hearing,
    Model,
    Wish,
    evaluate,
    folder_name,
    prepare,
)
from codelathe.evaluation.runs import Run, open_run
from codelathe.evaluation.signature import Difference
from codelathe.metrics.drop import drop_bound, drop_p
from codelathe.metrics.intervals import Interval, Score
from codelathe.metrics.paired import smallest_difference

LEVEL = 0.05
"""The chance of each error: to refuse what lost nothing, to pass what lost more than the margin."""
_INTERVAL_EDGE = 0.025
#: What must be the same on both sides beside the measure: else the pair is no fair one.
_ALIKE = ("engine.name", "engine.version", "sampling.n", "sampling.seed", "limit")

PartName = Literal["own", "general"]


class Outcome(StrEnum):
    """What a gate comes to."""

    PASSED = "passed"
    REFUSED = "refused"
    UNCLEAR = "could not tell"


@dataclass(frozen=True, slots=True)
class Part:
    """Problems that both models are asked, and how."""

    name: PartName
    benchmark: Benchmark
    wish: Wish


@dataclass(frozen=True, slots=True)
class Opened:
    """A model that can be asked; `sha256` is of its weights."""

    engine: Engine
    sha256: str


Opener = Callable[[str], Opened]
"""Opens the model that a reference names, with the same engine and precision for all."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and by whom models are asked and judged.

    `before` is the folder that keeps runs of the model before, for the next result too; `cache`
    keeps which of a benchmark's own solutions passed here.
    """

    parts: Sequence[Part]
    opener: Opener
    judge: Judge
    before: Path
    cache: Path
    hearing: Callable[[str], Hearing] = lambda _: Hearing()


@dataclass(frozen=True, slots=True)
class Shift:
    """What became of one part.

    `problems` were judged for both models, `unjudged` were not, because the sandbox itself failed.
    `change` is after minus before, `interval` its 95% interval. `lost` and `won` are the problems
    that got worse and better. `drop_p` and `gain_p` are one-sided. `bound` is the largest drop
    that is not excluded at the gate's level, `margin` the largest that would do. `seen` is the
    true drop that would have been shown in 80% of such comparisons, None where the problems are
    too few for any, or where the model before passed so few that losing them all would not show.
    """

    part: PartName
    benchmark: str
    problems: int
    unjudged: int
    before: Score
    after: Score
    lost: tuple[str, ...]
    won: tuple[str, ...]
    change: float
    interval: Interval
    drop_p: float
    gain_p: float
    bound: float
    margin: float
    seen: float | None
    outcome: Outcome

    @property
    def gained(self) -> bool:
        """Whether a gain is shown."""
        return self.gain_p < LEVEL


@dataclass(frozen=True, slots=True)
class Judged:
    """A model after held against the one before, part by part."""

    model: str
    shifts: tuple[Shift, ...]
    runs: Mapping[PartName, tuple[Path, Path]]

    @property
    def outcome(self) -> Outcome:
        """Refused where either part is; else what the general part says, or the only one."""
        if any(shift.outcome is Outcome.REFUSED for shift in self.shifts):
            return Outcome.REFUSED
        return (self.shift("general") or self.shifts[0]).outcome

    def shift(self, part: PartName) -> Shift | None:
        """What became of `part`; None where it was not asked."""
        return next((shift for shift in self.shifts if shift.part == part), None)


def every(benchmark: Benchmark, step: int) -> Benchmark:
    """Every `step`-th of the problems, from the first; its signature says so."""
    if step == 1:
        return benchmark
    tasks = dict(list(benchmark.tasks.items())[::step])
    details = {**benchmark.details, "problems": f"1 of every {step}, from the first"}
    return replace(benchmark, tasks=tasks, details=details)


def ask(model: str, bench: Bench, root: Path, side: str) -> dict[PartName, Run]:
    """Ask a model of every part what it is not asked yet.

    What it says is kept in folders under `root`. `side` is told beside the part's name.

    Raises:
        UsageError: the model cannot be asked in this way, or `root` holds something else.
        LatheError: it could not answer, or code not be judged; the same call goes on.
    """
    return {part.name: _run(model, part, bench, root, side) for part in bench.parts}


def _run(model: str, part: Part, bench: Bench, root: Path, side: str) -> Run:
    opened = bench.opener(model)
    with closing(opened.engine):
        asked = Model(model, opened.engine.info, opened.sha256)
        planned = prepare(part.benchmark, asked, part.wish)
        folder, hearing = root / folder_name(planned), bench.hearing(f"{part.name}, {side}")
        evaluate(planned, opened.engine, bench.judge, folder, bench.cache, hearing)
    return open_run(folder)


def hold(
    before: Mapping[PartName, Run],
    after: str,
    bench: Bench,
    root: Path,
    tolerance: float,
    *,
    level: float = LEVEL,
) -> Judged:
    """Ask the model that `after` names, and hold it against the runs of the one `before`.

    `tolerance` is the largest drop, a fraction, that is still no harm.

    Raises:
        UsageError: the two were not asked in one way.
        LatheError: as of `ask`.
    """
    runs = ask(after, bench, root, "after")
    shifts = [
        weigh(part, before[part.name], runs[part.name], tolerance, level) for part in bench.parts
    ]
    folders = {name: (before[name].folder, run.folder) for name, run in runs.items()}
    return Judged(after, tuple(shifts), folders)


def weigh(part: Part, before: Run, after: Run, tolerance: float, level: float = LEVEL) -> Shift:
    """Hold two finished runs of a part against each other.

    Raises:
        UsageError: they are not of one measure, engine and sampling.
    """
    found = compare(before, after)
    _require_alike(found.differing)
    old = [pair.first.rate for pair in found.pairs]
    new = [pair.second.rate for pair in found.pairs]
    margin = min(tolerance, found.first.value / 2)
    shown, bound = drop_p(old, new), drop_bound(old, new, level)
    return Shift(
        part=part.name,
        benchmark=part.benchmark.name,
        problems=len(old),
        unjudged=len(part.benchmark.tasks) - len(old),
        before=found.first,
        after=found.second,
        lost=tuple(p.task_id for p in found.pairs if p.second.rate < p.first.rate),
        won=tuple(p.task_id for p in found.pairs if p.second.rate > p.first.rate),
        change=found.second.value - found.first.value,
        interval=(-drop_bound(old, new, _INTERVAL_EDGE), drop_bound(new, old, _INTERVAL_EDGE)),
        drop_p=shown,
        gain_p=drop_p(new, old),
        bound=bound,
        margin=margin,
        seen=_seen(found) if drop_p(old, [0.0] * len(old)) < LEVEL else None,
        outcome=_decide(shown, bound, margin),
    )


def _decide(shown: float, bound: float, margin: float) -> Outcome:
    if shown < LEVEL:
        return Outcome.REFUSED
    return Outcome.PASSED if bound <= margin else Outcome.UNCLEAR


def _require_alike(differing: Sequence[Difference]) -> None:
    unfair = [found for found in differing if found.name in _ALIKE]
    if unfair:
        raise UsageError(
            "the model before and the one after were not asked in one way: "
            + "; ".join(map(str, unfair)),
            hint="ask both with the same engine, precision and sampling",
        )


def _seen(found: Comparison) -> float | None:
    """Exact for one sample a problem; for more, what `compare` says for a two-sided test."""
    if found.test is None:
        return found.smallest
    discordant = (found.test.first_only + found.test.second_only) / len(found.pairs)
    return smallest_difference(len(found.pairs), discordant, level=2 * LEVEL)


def shift_document(shift: Shift) -> dict[str, Any]:
    """A part as JSON has it; shares are fractions."""
    document = asdict(shift)
    for name in ("before", "after"):
        score = document[name]
        document[name] = {"score": score["value"], "interval": list(score["interval"])}
    document["outcome"] = str(shift.outcome)
    for name in ("lost", "won", "interval"):
        document[name] = list(document[name])
    return document


def judged_document(judged: Judged) -> dict[str, Any]:
    """A model held against the one before, as JSON has it."""
    return {
        "model": judged.model,
        "outcome": str(judged.outcome),
        "parts": {shift.part: shift_document(shift) for shift in judged.shifts},
        "runs": {
            part: {"before": str(before), "after": str(after)}
            for part, (before, after) in judged.runs.items()
        },
    }
