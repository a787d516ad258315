"""A row of the board: one model's scores on one benchmark, asked in one way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from codelathe.core.errors import InputError
from codelathe.metrics.intervals import Interval, wilson

Origin = Literal["run", "imported", "published"]
UNKNOWN = "unknown"
DAMAGED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
"""What a document that is not what it should be makes those raise that read it."""
_ENDLESS = 1 << 63
TYPES = ("pretrained", "instruct", "rl", UNKNOWN)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a model: its `parameters`, the `bytes` of its weights, ...

    `type` is one of `TYPES`; `precision` is written as files have it: `Q4_K_M`, `BF16`.
    """

    type: str = UNKNOWN
    precision: str = UNKNOWN
    parameters: int | None = None
    bytes: int | None = None

    def or_else(self, other: Facts) -> Facts:
        """These facts, and those of `other` where these say nothing."""
        return Facts(
            self.type if self.type != UNKNOWN else other.type,
            self.precision if self.precision != UNKNOWN else other.precision,
            self.parameters or other.parameters,
            self.bytes or other.bytes,
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """A score, a fraction where it is one, with its 95% interval where that can be had."""

    value: float
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One line of the board.

    `protocol` tells in words how the model was asked and judged; rows are only ranked together
    where it is the same, and `data`, the hash of the problems. `speed` is in tokens a second,
    `date` is `YYYY-MM-DD` or less of it, `source` says where the numbers are from. `signature`
    is the hash of a run's whole signature; `run` names a run that can be opened.
    """

    model: str
    facts: Facts
    benchmark: str
    protocol: str
    scores: Mapping[str, Mark]
    origin: Origin
    source: str
    problems: int | None = None
    samples: int | None = None
    speed: float | None = None
    date: str = ""
    data: str = ""
    signature: str = ""
    run: str = field(default="", compare=False)


def widest(value: float, problems: int | None) -> Mark:
    """A score without its problems' own values, with the widest interval that it can have.

    The values of the problems lie in 0..1, so that their spread is at most that of passes and
    fails with the same mean: Wilson's interval holds all of them.
    """
    if not problems or not 0 <= value <= 1:
        return Mark(value)
    return Mark(value, wilson(value * problems, problems))


def row_document(row: BoardRow) -> dict[str, Any]:
    """A row as JSON has it."""
    return {
        "model": row.model,
        "type": row.facts.type,
        "precision": row.facts.precision,
        "parameters": row.facts.parameters,
        "bytes": row.facts.bytes,
        "benchmark": row.benchmark,
        "protocol": row.protocol,
        "scores": {name: mark.value for name, mark in row.scores.items()},
        "intervals": {
            name: list(mark.interval) for name, mark in row.scores.items() if mark.interval
        },
        "problems": row.problems,
        "samples": row.samples,
        "tokens_per_second": row.speed,
        "date": row.date,
        "origin": row.origin,
        "source": row.source,
        "data": row.data,
        "signature": row.signature,
        "run": row.run,
    }


def parse_row(document: Any) -> BoardRow:
    """The row that `row_document` wrote.

    Raises:
        InputError: it is none.
    """
    try:
        if document["origin"] not in get_args(Origin):
            raise ValueError(document["origin"])
        told = {
            name: str(document[name])
            for name in ("model", "benchmark", "protocol", "source", "date", "data", "signature")
        }
        return BoardRow(
            **told,
            facts=Facts(
                str(document["type"]), str(document["precision"]),
                number(document["parameters"]), number(document["bytes"]),
            ),
            scores=marks(document["scores"], document["intervals"]),
            origin=document["origin"],
            problems=number(document["problems"]),
            samples=number(document["samples"]),
            speed=rate(document["tokens_per_second"]),
            run=str(document["run"]),
        )  # fmt: skip
    except DAMAGED as error:
        raise InputError(f"no row of a board: {type(error).__name__} {error}") from None


def number(value: Any) -> int | None:
    """`value` where it is a whole number above 0, such as things can be counted by."""
    return value if type(value) is int and 0 < value < _ENDLESS else None


def rate(value: Any) -> float | None:
    """`value` where it is a finite number above 0."""
    return float(value) if _finite(value) and value > 0 else None


def marks(scores: Mapping[str, Any], intervals: Mapping[str, Sequence[float]]) -> dict[str, Mark]:
    """Scores with their intervals; what is no finite number is left out.

    Raises:
        ValueError: an interval is none.
    """
    found = {}
    for name, value in scores.items():
        if _finite(value):
            low_high = intervals.get(name)
            if low_high is not None and not (len(low_high) == 2 and all(map(_finite, low_high))):
                raise ValueError(f"{low_high!r:.60} is no interval")
            interval = None if low_high is None else (float(low_high[0]), float(low_high[1]))
            found[str(name)] = Mark(float(value), interval)
    return found


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and type(value) is not bool and math.isfinite(value)


def known_by(row: BoardRow, facts: Facts) -> BoardRow:
    """`row` with `facts` where it says nothing itself."""
    return replace(row, facts=row.facts.or_else(facts))
