"""The rows of a sweep: what each variant of a model takes, how fast it is, and what it cost.

Rows are made of what lies in a variant's folder: its measures, and its run beside the original's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.core.errors import ProblemError
from codelathe.evaluation.comparing import compare
from codelathe.evaluation.files import read_object
from codelathe.evaluation.measuring import Measured
from codelathe.evaluation.runs import Run
from codelathe.evaluation.transcript import Written
from codelathe.metrics.drop import drop_bound
from codelathe.metrics.intervals import Interval, Score, mean_score

ORIGINAL = "original"
_EDGE = 0.025
"""Of a 95% interval, what lies beyond either end."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A variant against the original on the problems that were judged for both.

    `change` is variant minus original, `interval` its 95% interval by the score method, which has
    a width also where no problem differs. `lost` and `won` are problems that only one of them
    passed, `p` is that of McNemar's exact test, for one answer a problem. `equal` counts answers
    that are the same program, `alike` is the mean share of an answer before the first difference.
    """

    problems: int
    change: float
    interval: Interval
    lost: tuple[str, ...]
    won: tuple[str, ...]
    p: float | None
    equal: int
    alike: float


@dataclass(frozen=True, slots=True)
class Row:
    """A variant, or the original itself; what is None could not be had, `failed` says why.

    `bytes` are those of the weights. Perplexity, `divergence` (KL in nats a token) and `agreeing`
    (the share of equal first choices) are on held-out code. `score` is the share of problems
    passed, with its interval.
    """

    name: str
    kind: str
    model: str = ""
    bytes: int | None = None
    measured: Measured | None = None
    perplexity: float | None = None
    divergence: float | None = None
    agreeing: float | None = None
    score: Score | None = None
    problems: int = 0
    shift: Shift | None = None
    notes: tuple[str, ...] = ()
    failed: str = ""

    @property
    def original(self) -> bool:
        """Whether it is what all others were made from."""
        return self.name == ORIGINAL


def score_run(run: Run) -> tuple[Score, int]:
    """The share of its problems that a run passed, and how many were judged."""
    rates = list(run.rates().values())
    return mean_score(rates, proportion=set(rates) <= {0.0, 1.0}), len(rates)


def hold_against(original: Run, run: Run) -> Shift:
    """A variant's run against the original's.

    Raises:
        UsageError: they are not of one measure.
        ProblemError: a file is damaged.
    """
    found = compare(original, run)
    old = [pair.first.rate for pair in found.pairs]
    new = [pair.second.rate for pair in found.pairs]
    ours, theirs = (_answers(one) for one in (original, run))
    both = [(ours[pair.task_id], theirs[pair.task_id]) for pair in found.pairs]
    return Shift(
        problems=len(old),
        change=found.second.value - found.first.value,
        interval=(-drop_bound(old, new, _EDGE), drop_bound(new, old, _EDGE)),
        lost=tuple(pair.task_id for pair in found.pairs if pair.second.rate < pair.first.rate),
        won=tuple(pair.task_id for pair in found.pairs if pair.second.rate > pair.first.rate),
        p=found.test.p if found.test else None,
        equal=sum(first.solution == second.solution for first, second in both),
        alike=sum(_alike(one.completion, other.completion) for one, other in both) / len(both),
    )


def _alike(first: str, second: str) -> float:
    """The share of the longer text that both begin with."""
    if first == second:
        return 1.0
    pairs = enumerate(zip(first, second, strict=False))
    same = next((at for at, (a, b) in pairs if a != b), min(len(first), len(second)))
    return same / max(len(first), len(second))


def _answers(run: Run) -> dict[str, Written]:
    return {row.task_id: row for row in run.completions() if row.sample == 0}


def row_document(row: Row) -> dict[str, Any]:
    """A row as JSON has it; shares are fractions."""
    measured, shift = row.measured, row.shift
    return {
        "name": row.name,
        "kind": row.kind,
        "model": row.model,
        "engine": measured and measured.engine,
        "engine_version": measured and measured.version,
        "bytes": row.bytes,
        "peak_bytes": measured and measured.peak_bytes,
        "load_seconds": measured and measured.load_seconds,
        "prompt_tokens_per_second": measured and measured.prompt_speed,
        "decode_tokens_per_second": measured and measured.decode_speed,
        "perplexity": row.perplexity,
        "kl_nats_per_token": row.divergence,
        "agreeing": row.agreeing,
        "score": row.score and row.score.value,
        "interval": row.score and list(row.score.interval),
        "problems": row.problems,
        "change": shift and _shift_document(shift),
        "notes": list(row.notes),
        "failed": row.failed or None,
    }


def _shift_document(shift: Shift) -> dict[str, Any]:
    return {
        "problems": shift.problems,
        "change": shift.change,
        "interval": list(shift.interval),
        "lost": list(shift.lost),
        "won": list(shift.won),
        "mcnemar_p": shift.p,
        "equal_answers": shift.equal,
        "alike": shift.alike,
    }


def row_of(name: str, kind: str, model: str, path: Path) -> Row:
    """A row of what was measured of a model before it was asked anything.

    The file at `path` has `made`, what was found when it was made, and `measured`.

    Raises:
        ProblemError: it is damaged.
    """
    told = read_object(path)
    try:
        made, measured = told["made"], Measured(**told["measured"])
        return Row(
            name=name,
            kind=kind,
            model=model,
            bytes=made["bytes"],
            measured=measured,
            perplexity=made["perplexity"],
            divergence=made.get("kl_nats_per_token"),
            agreeing=made.get("agreeing"),
            notes=tuple(made.get("notes", ())),
        )
    except (LookupError, TypeError, AttributeError):
        raise ProblemError(
            f"{path} is damaged", hint=f"remove {path.parent}, and it is made again"
        ) from None
