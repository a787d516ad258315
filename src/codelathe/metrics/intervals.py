"""A mean over problems, and how far it could lie from the truth.

The interval is of 95% and answers: had other problems of the same kind been asked, where
would the score lie? It does not tell of what a model would answer another time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from codelathe.core.errors import UsageError

Interval = tuple[float, float]

_Z = 1.959963984540054
"""The normal distribution's 97.5% point."""
_RESAMPLES = 1000
_SEED = 20210707
_EDGE = 0.025


@dataclass(frozen=True, slots=True)
class Score:
    """A mean, a fraction in 0..1, and its 95% interval."""

    value: float
    interval: Interval


def mean_score(values: Sequence[float], *, proportion: bool) -> Score:
    """The mean of one value in 0..1 a problem, with its interval.

    `proportion` says that each value is 0 or 1: then the interval is Wilson's, else it is
    taken from a bootstrap over the problems. Where all values are the same, a bootstrap would
    claim to be certain; Wilson's interval, which is the wider, is taken instead.

    Raises:
        UsageError: there are no values.
    """
    if not values:
        raise UsageError("there is no problem to score")
    mean = math.fsum(values) / len(values)
    if proportion or min(values) == max(values):
        return Score(mean, wilson(math.fsum(values), len(values)))
    return Score(mean, bootstrap(values))


def wilson(successes: float, trials: int) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927)."""
    share, square = successes / trials, _Z * _Z
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    spread = math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    half = _Z * spread / (1 + square / trials)
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap(values: Sequence[float]) -> Interval:
    """The percentile bootstrap of the mean (Efron 1979), with a fixed seed.

    1,000 times as many values as there are are drawn anew from them; the same values always
    give the same interval.
    """
    draw, count = random.Random(_SEED).choices, len(values)  # noqa: S311 (no secret)
    means = sorted(math.fsum(draw(values, k=count)) / count for _ in range(_RESAMPLES))
    edge = round(_RESAMPLES * _EDGE)
    return means[edge], means[-1 - edge]
