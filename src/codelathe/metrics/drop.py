"""Did a change make a model worse, and by how much at most? One-sided, on pairs.

Two questions, each with its own error. `drop_p` asks whether a drop is shown: a small p says so.
That none is shown does not mean that there is none: for that `drop_bound` says what drop the
pairs do not exclude.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist

from codelathe.core.errors import UsageError

_SAMPLES = 1000
"""Rates of up to so many samples are known for the fractions that they are."""
_GRID = 5040
"""What stands for the least common denominator of rates where that is larger: nearly exact."""
_STEPS = 60


def drop_p(before: Sequence[float], after: Sequence[float]) -> float:
    """The chance of so large a drop of the mean, or a larger one, where no change is the truth.

    One score in 0..1 a problem. The exact sign-flip test (Fisher 1935): without a change each
    difference was as likely to have come out the other way round. With one sample a problem it
    is the one-sided form of McNemar's exact test. The p of a gain is that of the two exchanged.

    Raises:
        UsageError: the two are not equally long.
    """
    import numpy as np

    pairs = _pairs(before, after)
    common = _denominator(pairs)
    gaps = [round((a - b) * common) for a, b in pairs]
    steps = [abs(gap) for gap in gaps if gap]
    unit = math.gcd(*steps) or 1
    steps = [step // unit for step in steps]
    # The chances of each sum of the differences that come out positive.
    chances = np.ones(1)
    for step in steps:
        grown = np.zeros(len(chances) + step)
        grown[:-step] += chances / 2
        grown[step:] += chances / 2
        chances = grown
    positive = (sum(steps) + sum(gaps) // unit) // 2
    return min(1.0, float(chances[positive:].sum()))


def _denominator(pairs: Sequence[tuple[float, float]]) -> int:
    """Of what all rates are multiples: rounded otherwise, equal sums would come to differ."""
    rates = {rate for pair in pairs for rate in pair}
    common = math.lcm(*(Fraction(x).limit_denominator(_SAMPLES).denominator for x in rates))
    return min(common, _GRID)


def drop_bound(before: Sequence[float], after: Sequence[float], level: float = 0.05) -> float:
    """The largest drop of the mean that the pairs do not exclude: a one-sided upper limit.

    `level` is the chance that the true drop is larger yet. By the score method for paired
    proportions (Tango 1998), which unlike a bootstrap has a width where no pair differs. Rates of
    several samples go in by their mean and mean square, as proportions that have the same.

    Returns:
        A fraction in -1..1; negative where a gain is shown.

    Raises:
        UsageError: the two are not equally long, or empty; a level not in 0..1.
    """
    pairs = _pairs(before, after)
    if not pairs:
        raise UsageError("there is no problem that both have answered")
    if not 0 < level < 1:
        raise UsageError(f"a level lies between 0 and 1, not at {level}")
    count = len(pairs)
    total = math.fsum(a - b for a, b in pairs)
    square = math.fsum((a - b) ** 2 for a, b in pairs)
    lost, won = (square + total) / 2, (square - total) / 2
    edge = NormalDist().inv_cdf(level)
    low, high = total / count, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _score(count, lost, won, middle) < edge:
            high = middle
        else:
            low = middle
    return high


def _score(count: int, lost: float, won: float, drop: float) -> float:
    """How many standard errors the pairs lie above a true `drop` (Tango 1998, equation 11)."""
    # The most likely chance of a gain, where lost - won is `drop` of all in truth.
    a = 2 * count
    b = (2 * count - lost + won) * drop - lost - won
    c = -won * drop * (1 - drop)
    gain = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = count * (2 * gain + drop * (1 - drop))
    over = lost - won - count * drop
    if variance <= 0:
        return math.copysign(math.inf, over) if over else 0.0
    return over / math.sqrt(variance)


def _pairs(before: Sequence[float], after: Sequence[float]) -> list[tuple[float, float]]:
    if len(before) != len(after):
        raise UsageError(
            f"{len(before)} and {len(after)} scores do not pair up",
            hint="compare the problems that both have answered",
        )
    return list(zip(before, after, strict=True))
