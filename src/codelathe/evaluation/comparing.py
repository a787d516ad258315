"""`lathe compare`: two runs held against each other, problem by problem.

Only pairs tell: two models that both score 70% +- 7 may differ surely or not at all. The
problems that both were asked are compared. Runs are refused where something else than the
model differs that decides a score: the benchmark, the protocol, how it was judged.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from codelathe.core.errors import ProblemError, UsageError
from codelathe.core.judging import Status
from codelathe.evaluation.runs import Run
from codelathe.evaluation.signature import Difference, differences
from codelathe.metrics.intervals import Score, mean_score
from codelathe.metrics.paired import Difference as Gap
from codelathe.metrics.paired import (
    McNemar,
    mcnemar,
    paired_difference,
    smallest_difference,
)

#: What two runs may differ in and still be compared: who was asked, on what machine, how often.
_FREE = frozenset({
    "model.name", "model.sha256", "engine.name", "engine.version", "sampling.n", "sampling.seed",
    "limit", "isolation", "missing", "python", "machine", "codelathe",
})  # fmt: skip
_SEEN = 2.8016
"""Standard errors that a difference is seen at: 1.96 for p < 0.05, 0.84 for a power of 80%."""


@dataclass(frozen=True, slots=True)
class Side:
    """One run's part in a problem: its pass rate, and the first of its samples that was judged."""

    rate: float
    status: str
    detail: str
    solution: str = ""
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """A problem that both runs have."""

    task_id: str
    first: Side
    second: Side


@dataclass(frozen=True, slots=True)
class Comparison:
    """First against second. `gap` is first minus second.

    `flipped` are the problems where one passed and the other did not (for several samples: one
    in more of them), with both programs. `test` is there where each problem has one sample.
    `smallest` is the true difference that would have been seen in 80% of such comparisons.
    """

    first: Score
    second: Score
    pairs: tuple[Pair, ...]
    flipped: tuple[Pair, ...]
    gap: Gap
    test: McNemar | None
    smallest: float | None
    differing: tuple[Difference, ...]
    unpaired: int

    @property
    def both(self) -> int:
        """Problems that both passed."""
        return sum(p.first.rate == p.second.rate == 1 for p in self.pairs)

    @property
    def neither(self) -> int:
        """Problems that neither passed."""
        return sum(p.first.rate == p.second.rate == 0 for p in self.pairs)


def compare(first: Run, second: Run, *, force: bool = False) -> Comparison:
    """Compare two runs.

    Raises:
        UsageError: more differs than the model, and nobody said `force`.
        ProblemError: they have no problem in common, or a file is damaged.
    """
    differing = differences(first.signature, second.signature)
    deciding = [d for d in differing if d.name not in _FREE]
    if deciding and not force:
        told = "; ".join(map(str, deciding[:6])) + ("; ..." if len(deciding) > 6 else "")
        raise UsageError(
            f"the two runs are not of one measure, they differ in {told}",
            hint="evaluate both in one way, or add --force to compare them all the same",
            field="force",
        )
    sides = _sides(first), _sides(second)
    ids = [task_id for task_id in sides[0] if task_id in sides[1]]
    if not ids:
        raise ProblemError(f"{first.folder} and {second.folder} have no problem in common")
    pairs = tuple(Pair(task_id, sides[0][task_id], sides[1][task_id]) for task_id in ids)
    left, right = ([s.rate for s in side] for side in zip(*_rates(pairs), strict=True))
    single = _samples(first) == _samples(second) == 1
    test = mcnemar([x == 1 for x in left], [x == 1 for x in right]) if single else None
    flipped = tuple(pair for pair in pairs if pair.first.rate != pair.second.rate)
    return Comparison(
        first=mean_score(left, proportion=single),
        second=mean_score(right, proportion=single),
        pairs=pairs,
        flipped=_with_programs(flipped, first, second),
        gap=paired_difference(left, right),
        test=test,
        smallest=_smallest(left, right, test),
        differing=differing,
        unpaired=len(sides[0]) + len(sides[1]) - 2 * len(ids),
    )


def comparison_document(found: Comparison, first: Run, second: Run) -> dict[str, Any]:
    """A comparison as JSON has it."""
    return {
        "first": _run_document(first, found.first),
        "second": _run_document(second, found.second),
        "problems": len(found.pairs),
        "unpaired": found.unpaired,
        "both_passed": found.both,
        "neither_passed": found.neither,
        "difference": found.gap.value,
        "interval": list(found.gap.interval),
        "mcnemar": None if found.test is None else asdict(found.test),
        "smallest_difference": found.smallest,
        "differing": [asdict(d) for d in found.differing],
        "flipped": [asdict(pair) for pair in found.flipped],
        "table": [
            {"task_id": p.task_id, "first": p.first.rate, "second": p.second.rate}
            for p in found.pairs
        ],
    }


def _run_document(run: Run, score: Score) -> dict[str, Any]:
    return {
        "folder": str(run.folder),
        "model": run.model,
        "score": score.value,
        "interval": list(score.interval),
    }


def _sides(run: Run) -> Mapping[str, Side]:
    """Each problem's part, told by its first sample that was judged; without one it is out."""
    rates = run.rates()
    sides: dict[str, Side] = {}
    for row in run.rows():
        found = row.outcome
        if row.task_id in rates and row.task_id not in sides:
            if found.status is Status.UNJUDGED:
                continue
            rate = rates[row.task_id]
            sides[row.task_id] = Side(rate, str(found.status), found.detail, sample=row.sample)
    return sides


def _rates(pairs: tuple[Pair, ...]) -> list[tuple[Side, Side]]:
    return [(pair.first, pair.second) for pair in pairs]


def _samples(run: Run) -> int:
    return int(run.signature["sampling"]["n"])


def _smallest(left: list[float], right: list[float], test: McNemar | None) -> float | None:
    """Exact for one sample a problem, else by the normal distribution."""
    if test is not None:
        discordant = (test.first_only + test.second_only) / len(left)
        return smallest_difference(len(left), discordant)
    gaps = [a - b for a, b in zip(left, right, strict=True)]
    if len(gaps) < 2:
        return None
    if min(gaps) == max(gaps):  # no spread to reckon with: as of single samples that all agree
        return smallest_difference(len(gaps), 0.0)
    return min(1.0, _SEEN * statistics.stdev(gaps) / math.sqrt(len(gaps)))


def _with_programs(flipped: tuple[Pair, ...], first: Run, second: Run) -> tuple[Pair, ...]:
    ours = _programs(first, {pair.task_id: pair.first.sample for pair in flipped})
    theirs = _programs(second, {pair.task_id: pair.second.sample for pair in flipped})
    return tuple(
        Pair(
            pair.task_id,
            replace(pair.first, solution=ours.get(pair.task_id, "")),
            replace(pair.second, solution=theirs.get(pair.task_id, "")),
        )
        for pair in flipped
    )


def _programs(run: Run, wanted: Mapping[str, int]) -> dict[str, str]:
    """The programs of the samples wanted, by their problems."""
    return {
        row.task_id: row.solution
        for row in run.completions()
        if wanted.get(row.task_id) == row.sample
    }
