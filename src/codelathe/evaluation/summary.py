"""From rows to scores: pass@k with intervals, and what the samples came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from codelathe.core.judging import Status
from codelathe.evaluation.rows import Row
from codelathe.evaluation.signature import Signature, signature_document
from codelathe.metrics.intervals import Score
from codelathe.metrics.pass_at_k import score_pass_at_k


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to.

    `problems` have at least one sample and are what the scores are over; `unattempted` have
    none. `scores` has `pass@k`, and for a benchmark of several hidden tests `base_pass@k` too;
    `unscored` are the k for which unjudged samples leave a problem too few. `counts` is by status;
    samples that are `unjudged` are in no score. `copies` took the verdict of another sample with
    the same program; `starved` are timeouts on a machine that was still busy when nothing else was
    run here.
    """

    samples: int
    problems: int
    unattempted: int
    scores: Mapping[str, Score]
    unscored: tuple[int, ...]
    counts: Mapping[str, int]
    flaky: int
    starved: int
    copies: int
    seconds: float
    signature: Signature


@dataclass(slots=True)
class Tally:
    """Rows counted, one after another; as many numbers as there are problems."""

    counts: Counter[str] = field(default_factory=Counter)
    flaky: int = 0
    starved: int = 0
    _passed: dict[str, list[int]] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Count a row."""
        found = row.outcome
        self.counts[str(found.status)] += 1
        self.flaky += found.flaky
        self.starved += found.starved
        of_task = self._passed.setdefault(row.task_id, [0, 0, 0])
        if found.status is not Status.UNJUDGED:
            first = found.tests[0] if found.tests else found.status
            of_task[0] += 1
            of_task[1] += found.status is Status.PASSED
            of_task[2] += first is Status.PASSED

    @property
    def problems(self) -> int:
        """Tasks with a row."""
        return len(self._passed)

    def scores(self, ks: Sequence[int], tests: Sequence[str]) -> dict[str, Score]:
        """pass@k for those of `ks` that every problem with any has judged samples enough for."""
        judged = [c for c in self._passed.values() if c[0]]
        missing = self.unscored(ks)
        usable = [k for k in ks if k not in missing]
        found = {f"pass@{k}": score_pass_at_k([(n, c) for n, c, _ in judged], k) for k in usable}
        if len(tests) > 1:
            for k in usable:
                counted = [(n, base) for n, _, base in judged]
                found[f"{tests[0]}_pass@{k}"] = score_pass_at_k(counted, k)
        return found

    def unscored(self, ks: Sequence[int]) -> tuple[int, ...]:
        """Those of `ks` that some problem has too few judged samples for, though it has any."""
        least = min((c[0] for c in self._passed.values() if c[0]), default=0)
        return tuple(k for k in ks if k > least)


def tally(rows: Iterable[Row]) -> Tally:
    """All of `rows`, counted."""
    counted = Tally()
    for row in rows:
        counted.add(row)
    return counted


def summary_document(summary: Summary) -> dict[str, Any]:
    """A summary as JSON has it."""
    return {
        "samples": summary.samples,
        "problems": summary.problems,
        "unattempted": summary.unattempted,
        "scores": {name: score.value for name, score in summary.scores.items()},
        "unscored": [f"pass@{k}" for k in summary.unscored],
        "intervals": {name: list(score.interval) for name, score in summary.scores.items()},
        "counts": {str(s): n for s in Status if (n := summary.counts.get(str(s), 0))},
        "flaky": summary.flaky,
        "starved": summary.starved,
        "copies": summary.copies,
        "seconds": round(summary.seconds, 3),
        "signature": signature_document(summary.signature),
    }
