"""Two models on the same problems: is one better, by how much, and could it have been seen?

Only pairs are compared. Two models that each score 70% +- 7 may differ surely, where they
agree on most problems, or not at all; their separate intervals do not tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from codelathe.core.errors import UsageError
from codelathe.metrics.intervals import Interval, wilson

_RESAMPLES = 10_000
_SEED = 20210707
_LEVEL = 0.05
_EDGE = 0.025
_CELLS = 4_000_000
"""At most so many drawn indices at once (32 MB)."""
_STEPS = 30
_SPREAD = 8.0
"""Standard deviations beyond which a binomial count is left out (1e-15)."""


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's exact test: the discordant pairs, and the two-sided p of so uneven a split.

    `first_only` problems were passed by the first model alone, `second_only` by the second.
    """

    first_only: int
    second_only: int
    p: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of first minus second over the pairs, and its 95% interval."""

    value: float
    interval: Interval


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> McNemar:
    """The exact (binomial) form of McNemar's test (1947) on paired passes.

    Raises:
        UsageError: the two are not equally long.
    """
    _paired(first, second)
    first_only = sum(a and not b for a, b in zip(first, second, strict=True))
    second_only = sum(b and not a for a, b in zip(first, second, strict=True))
    return McNemar(first_only, second_only, binomial_p(first_only, second_only))


def binomial_p(left: int, right: int) -> float:
    """The two-sided p of `left` against `right` where both are equally likely."""
    total, smaller = left + right, min(left, right)
    term = tail = 1
    for k in range(smaller):
        term = term * (total - k) // (k + 1)
        tail += term
    return min(1.0, 2 * tail / (1 << total))


def paired_difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    """First minus second, one score a problem each, with the paired percentile bootstrap.

    10,000 resamples of the problems (Efron 1979; for pairs Koehn 2004), always the same ones.
    Where every pair differs by the same amount a bootstrap would claim to be certain; then as
    many problems as Wilson's interval allows beside none may differ in any way.

    Raises:
        UsageError: the two are not equally long, or empty.
    """
    _paired(first, second)
    count = len(first)
    if not count:
        raise UsageError("there is no problem that both have answered")
    import numpy as np

    gaps = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if gaps.min() == gaps.max():
        gap, others = float(gaps[0]), wilson(0, count)[1]
        return Difference(gap, (gap - others * (1 + gap), gap + others * (1 - gap)))
    draw = np.random.RandomState(_SEED)  # the one generator of numpy whose stream is frozen
    means = np.empty(_RESAMPLES)
    step = max(1, _CELLS // count)
    for start in range(0, _RESAMPLES, step):
        size = min(step, _RESAMPLES - start)
        means[start : start + size] = gaps[draw.randint(0, count, size=(size, count))].mean(axis=1)
    means.sort()
    edge = round(_RESAMPLES * _EDGE)
    return Difference(float(gaps.mean()), (float(means[edge]), float(means[-1 - edge])))


def smallest_difference(
    pairs: int, discordant: float, *, power: float = 0.8, level: float = _LEVEL
) -> float | None:
    """The smallest true difference in pass rate that McNemar's exact test would have seen.

    'Seen' is p < `level` in at least `power` of all such comparisons of `pairs` problems.
    `discordant` is the share of problems that one model alone passes; a difference larger
    than it takes that many discordant problems, all to one side. The power is the exact one:
    a sum over the binomial number of discordant pairs and their binomial split.

    Returns:
        The difference as a fraction, to 1e-6; None where there are too few pairs to see any.

    Raises:
        UsageError: `pairs` is below 1, or `discordant` not in 0..1.
    """
    if pairs < 1 or not 0 <= discordant <= 1:
        raise UsageError(f"{pairs} pairs, of which {discordant} differ, make no comparison")
    if _power(pairs, max(discordant, 1.0), 1.0, level) < power:
        return None
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _power(pairs, max(discordant, middle), middle, level) < power:
            low = middle
        else:
            high = middle
    return high


def _paired(first: Sequence[object], second: Sequence[object]) -> None:
    if len(first) != len(second):
        raise UsageError(
            f"{len(first)} and {len(second)} scores do not pair up",
            hint="compare the problems that both have answered",
        )


def _power(pairs: int, discordant: float, difference: float, level: float) -> float:
    numbers = _binomial(pairs, discordant)
    middle, width = pairs * discordant, _SPREAD * math.sqrt(pairs * discordant) + 1
    first = (discordant + difference) / (2 * discordant)
    found = 0.0
    for n in range(max(0, int(middle - width)), min(pairs, int(middle + width)) + 1):
        refused = _refused(n, level)
        if refused:
            split = _binomial(n, first)
            found += float(numbers[n] * (split[:refused].sum() + split[n + 1 - refused :].sum()))
    return found


@cache
def _refused(n: int, level: float) -> int:
    """How many splits of `n` discordant pairs, on either side, are too uneven to be chance."""
    import numpy as np

    return int(np.searchsorted(2 * np.cumsum(_binomial(n, 0.5)), level))


def _binomial(n: int, share: float) -> Any:
    """The chances of 0 to n hits in n draws."""
    import numpy as np

    hits = np.arange(n + 1)
    if share in (0.0, 1.0):
        return (hits == round(n * share)).astype(np.float64)
    logs = _log_factorials(1 << n.bit_length())
    ways = logs[n] - logs[hits] - logs[n - hits]
    return np.exp(ways + hits * math.log(share) + (n - hits) * math.log1p(-share))


@cache
def _log_factorials(n: int) -> Any:
    """The logarithms of 0! to n!; asked for powers of two, to be few."""
    import numpy as np

    return np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))
