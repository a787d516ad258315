"""Which variant of a sweep to use within a budget of memory and of problems lost.

The fastest whose measured peak fits, and whose loss is not shown to exceed what is allowed; speeds
within 5% count as equal, and what lost least goes first. Few problems show little: a loss that is
neither shown to be too large nor to be small enough is told as such, and those that were measured
to be within the budget go before those that were not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from codelathe.core.errors import UsageError
from codelathe.evaluation.sweep_rows import Row
from codelathe.metrics.intervals import Interval

_AS_FAST = 0.95
"""Of the largest speed, the share from which on a difference may be chance."""
_BYTES = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([kmgt]?)(i?)b?", re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class Fit(StrEnum):
    """What a row, or a whole sweep, comes to."""

    FITS = "fits"
    UNCLEAR = "could not tell"
    NONE = "none fits"


@dataclass(frozen=True, slots=True)
class Budget:
    """`memory` is in bytes at most, `loss` a share of the problems at most. None: any."""

    memory: int | None = None
    loss: float | None = None

    def __post_init__(self) -> None:
        """Refuse a loss that is none.

        Raises:
            UsageError: it is not in 0..1.
        """
        if self.loss is not None and not 0 <= self.loss <= 1:
            raise UsageError(
                f"a loss of {self.loss * 100:g} points is no share of problems",
                hint="--max-loss 2",
                field="max_loss",
            )

    @property
    def asked(self) -> bool:
        """Whether there is one."""
        return self.memory is not None or self.loss is not None


@dataclass(frozen=True, slots=True)
class Standing:
    """A row against the budget. `why` says what it does not meet, or what is not shown."""

    row: Row
    fit: Fit
    why: str = ""
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """`best` is what to use, None where none fits; `standings` are of all rows.

    `sure` is the fastest that surely fits, `loss` what may be lost, of the budget or less.
    """

    fit: Fit
    best: Standing | None
    standings: tuple[Standing, ...]
    sure: Standing | None = None
    loss: float | None = None


def parse_memory(text: str) -> int:
    """The bytes that `2GB`, `1.5 GiB` or `800M` stands for.

    Raises:
        UsageError: it is no size, or nothing.
    """
    found = _BYTES.fullmatch(text.strip().lower())
    count = 0
    if found is not None:
        count = int(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2]])
    if count < 1:
        raise UsageError(
            f"{text!r} is no amount of memory",
            hint="--max-memory 2GB, or 800MB",
            field="max_memory",
        )
    return count


def loss_of(row: Row) -> tuple[float, Interval]:
    """The share of problems that a row lost, and its 95% interval; the original lost none."""
    if row.shift is None:
        return 0.0, (0.0, 0.0)
    low, high = row.shift.interval
    return 0.0 - row.shift.change, (-high, -low)


def advise(rows: Sequence[Row], budget: Budget) -> Advice:
    """The fastest row within the budget, the original among them.

    Of a loss at most half of what the original passes is allowed: one that passes 4% has not 10
    points to lose.
    """
    passed = next((row.score.value for row in rows if row.original and row.score), 1.0)
    if budget.loss is not None:
        budget = replace(budget, loss=min(budget.loss, passed / 2))
    standings = tuple(_standing(row, budget) for row in rows)
    there = [one for one in standings if one.fit is not Fit.NONE]
    # What was measured to lose more comes last, although it is not shown to.
    best = _fastest([one for one in there if not one.beyond] or there)
    sure = _fastest([one for one in there if one.fit is Fit.FITS])
    return Advice(best.fit if best else Fit.NONE, best, standings, sure, budget.loss)


def _fastest(standings: Sequence[Standing]) -> Standing | None:
    """The fastest; of those that are as fast but for chance what is sure, then what lost least."""
    most = max((_speed(one.row) for one in standings), default=0.0)
    near = (one for one in standings if _speed(one.row) >= most * _AS_FAST)
    return max(
        near,
        key=lambda one: (one.fit is Fit.FITS, -loss_of(one.row)[0], _speed(one.row)),
        default=None,
    )


def _speed(row: Row) -> float:
    speed = row.measured.decode_speed if row.measured else None
    return speed or 0.0


def _standing(row: Row, budget: Budget) -> Standing:
    if row.failed:
        return Standing(row, Fit.NONE, f"failed: {row.failed}")
    if not _speed(row):
        return Standing(row, Fit.NONE, "its speed could not be measured")
    if why := _beyond_memory(row, budget.memory):
        return Standing(row, Fit.NONE, why)
    return _by_loss(row, budget.loss)


def _beyond_memory(row: Row, most: int | None) -> str:
    if most is None:
        return ""
    peak = row.measured.peak_bytes if row.measured else 0
    if not peak:
        return "its peak memory could not be measured on this system"
    return f"takes {peak / 1e6:,.0f} MB of memory" if peak > most else ""


def _by_loss(row: Row, most: float | None) -> Standing:
    if most is None:
        return Standing(row, Fit.FITS)
    loss, (low, high) = loss_of(row)
    if low > most:
        told = f"loses {loss * 100:.1f} points, with 95% confidence at least {low * 100:.1f}"
        return Standing(row, Fit.NONE, told)
    if high <= most:
        return Standing(row, Fit.FITS)
    problems = row.shift.problems if row.shift else 0
    told = (
        f"lost {loss * 100:.1f} points of pass rate, and {problems} problems do not exclude a "
        f"loss of {high * 100:.1f}"
    )
    return Standing(row, Fit.UNCLEAR, told, beyond=loss > most)


def advice_document(advice: Advice, budget: Budget) -> dict[str, Any]:
    """An advice as JSON has it; losses are shares."""
    return {
        "budget": {"max_memory_bytes": budget.memory, "max_loss": budget.loss},
        "allowed_loss": advice.loss,
        "outcome": str(advice.fit),
        "recommended": advice.best and advice.best.row.name,
        "model": advice.best and advice.best.row.model,
        "sure": advice.sure and advice.sure.row.name,
        "variants": [
            {"name": one.row.name, "outcome": str(one.fit), "why": one.why}
            for one in advice.standings
        ],
    }
