from __future__ import annotations

import random

import pytest

from codelathe.core.errors import UsageError
from codelathe.metrics.intervals import bootstrap, mean_score, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "interval"),
    # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I.
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilsons_interval_is_the_published_one(
    successes: int, trials: int, interval: tuple[float, float]
) -> None:
    assert wilson(successes, trials) == pytest.approx(interval, abs=1e-4)


def test_a_bootstrap_gives_the_same_interval_each_time() -> None:
    values = [0.0, 0.25, 0.5, 1.0] * 10
    assert bootstrap(values) == bootstrap(values)


def test_a_bootstrap_agrees_with_the_normal_interval_of_many_values() -> None:
    source = random.Random(1)
    values = [source.random() for _ in range(1000)]
    low, high = bootstrap(values)
    assert (high - low) / 2 == pytest.approx(1.96 * 12**-0.5 / 1000**0.5, rel=0.1)


def test_an_interval_holds_its_score() -> None:
    score = mean_score([0.1, 0.9, 0.4], proportion=False)
    assert score.interval[0] < score.value < score.interval[1]


@pytest.mark.parametrize("value", [0.0, 0.35, 1.0])
def test_problems_that_are_all_alike_are_not_taken_for_certainty(value: float) -> None:
    low, high = mean_score([value] * 3, proportion=False).interval
    assert high - low > 0.5


def test_no_problem_has_no_score() -> None:
    with pytest.raises(UsageError, match="no problem"):
        mean_score([], proportion=True)
