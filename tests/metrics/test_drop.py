"""A drop that is shown, and the largest that is not excluded."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.errors import UsageError
from codelathe.metrics.drop import drop_bound, drop_p
from codelathe.metrics.paired import binomial_p


def paired(lost: int, won: int, same: int = 0) -> tuple[list[float], list[float]]:
    """Scores before and after with so many problems lost, won, and passed by both."""
    return [1.0] * lost + [0.0] * won + [1.0] * same, [0.0] * lost + [1.0] * won + [1.0] * same


@pytest.mark.parametrize(("lost", "won"), [(5, 0), (7, 1), (4, 2), (12, 3)])
def test_with_one_sample_a_problem_it_is_half_of_mcnemars_two_sided_p(lost: int, won: int) -> None:
    assert drop_p(*paired(lost, won)) == pytest.approx(binomial_p(lost, won) / 2)


def test_where_nothing_changed_a_drop_is_certain_not_to_be_shown() -> None:
    assert drop_p([1.0, 0.0], [1.0, 0.0]) == 1.0


def test_a_gain_shows_no_drop() -> None:
    assert drop_p(*paired(0, 6)) == 1.0


@pytest.mark.parametrize(
    ("samples", "old", "new"),
    [
        (10, [8, 6, 5, 10], [2, 4, 6, 10]),
        (11, [3, 4, 4, 1, 4], [5, 6, 6, 1, 0]),
        (32, [2, 5, 2, 3, 5], [2, 4, 4, 2, 4]),
        (100, [4, 3, 5, 5, 0], [5, 4, 3, 5, 1]),
    ],
)
def test_rates_are_weighed_by_all_ways_the_signs_could_have_fallen(
    samples: int, old: list[int], new: list[int]
) -> None:
    before, after = ([passed / samples for passed in run] for run in (old, new))
    gaps = [a - b for a, b in zip(before, after, strict=True)]
    sums = [
        sum(s * g for s, g in zip(signs, gaps, strict=True))
        for signs in itertools.product((1, -1), repeat=len(gaps))
    ]
    expected = sum(s >= sum(gaps) - 1e-9 for s in sums) / len(sums)
    assert drop_p(before, after) == pytest.approx(expected)


def test_the_bound_without_any_change_has_its_closed_form() -> None:
    square = 1.6448536269514722**2
    assert drop_bound([1.0] * 41, [1.0] * 41) == pytest.approx(square / (41 + square))


def test_the_bound_is_where_the_score_test_just_does_not_reject() -> None:
    """The statistic with the most likely chance of a gain found by looking at all of them."""
    lost, won, count, drop = 5, 2, 41, drop_bound(*paired(5, 2, 34))

    def likelihood(gain: float) -> float:
        return (
            lost * math.log(gain + drop)
            + won * math.log(gain)
            + (count - lost - won) * math.log(1 - 2 * gain - drop)
        )

    gain = max((i / 1e5 for i in range(1, int((1 - drop) / 2 * 1e5))), key=likelihood)
    over = lost - won - count * drop
    score = over / math.sqrt(count * (2 * gain + drop * (1 - drop)))
    assert score == pytest.approx(-1.6448536, abs=1e-3)


@pytest.mark.parametrize("chances", [(0.1, 0.0), (0.15, 0.05), (0.2, 0.1), (0.3, 0.1)])
def test_the_true_drop_is_seldom_larger_than_the_bound(chances: tuple[float, float]) -> None:
    """Over every outcome of 41 problems, weighed by its chance."""
    lose, win = chances
    missed = 0.0
    for lost in range(42):
        for won in range(42 - lost):
            ways = math.comb(41, lost) * math.comb(41 - lost, won)
            chance = ways * lose**lost * win**won * (1 - lose - win) ** (41 - lost - won)
            if chance > 1e-9 and drop_bound(*paired(lost, won, 41 - lost - won)) < lose - win:
                missed += chance
    assert missed < 0.065


def test_a_stricter_level_gives_a_larger_bound() -> None:
    assert drop_bound(*paired(3, 2, 36), 0.01) > drop_bound(*paired(3, 2, 36), 0.05)


def test_more_problems_exclude_more() -> None:
    assert drop_bound(*paired(4, 4, 156)) < drop_bound(*paired(1, 1, 39))


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 40))
def test_the_bound_lies_above_what_was_found(lost: int, won: int, same: int) -> None:
    before, after = paired(lost, won, same)
    assert drop_bound(before, after) > (lost - won) / len(before) - 1e-9


def test_scores_that_do_not_pair_up_are_refused() -> None:
    with pytest.raises(UsageError, match="do not pair up"):
        drop_p([1.0], [1.0, 0.0])


def test_no_problem_has_no_bound() -> None:
    with pytest.raises(UsageError, match="no problem"):
        drop_bound([], [])
