from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codelathe.core.errors import UsageError
from codelathe.metrics.intervals import wilson
from codelathe.metrics.paired import (
    binomial_p,
    mcnemar,
    paired_difference,
    smallest_difference,
)

passes = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("left", "right", "p"),
    # R 4: binom.test(left, left + right)$p.value
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (0, 5, 0.0625),
        (0, 6, 0.03125),
        (12, 6, 0.2378845),
        (1, 9, 0.02148438),
    ],
)
def test_the_exact_p_is_the_binomial_tests(left: int, right: int, p: float) -> None:
    assert binomial_p(left, right) == pytest.approx(p, abs=1e-7)


def test_many_discordant_pairs_keep_their_p() -> None:
    assert 0 < binomial_p(4900, 5100) == pytest.approx(0.0466, abs=1e-3)


@given(passes)
def test_mcnemar_does_not_care_which_model_is_first(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    there, back = mcnemar(first, second), mcnemar(second, first)
    assert (there.first_only, there.second_only, there.p) == (
        back.second_only,
        back.first_only,
        back.p,
    )


def test_mcnemar_counts_the_problems_that_one_model_alone_passed() -> None:
    found = mcnemar([True, True, False, False, True], [True, False, False, True, False])
    assert (found.first_only, found.second_only) == (2, 1)


@settings(deadline=None, max_examples=30)
@given(passes)
def test_a_difference_lies_in_its_interval(pairs: list[tuple[bool, bool]]) -> None:
    found = paired_difference([a for a, _ in pairs], [b for _, b in pairs])
    assert found.interval[0] - 1e-12 <= found.value <= found.interval[1] + 1e-12


def test_a_model_does_not_differ_from_itself_as_far_as_so_few_problems_tell() -> None:
    scores = [0.0, 0.5, 1.0, 0.25]
    few, many = paired_difference(scores, scores), paired_difference(scores * 100, scores * 100)
    assert few.value == many.value == 0.0
    assert few.interval[0] < many.interval[0] < 0.0 < many.interval[1] < few.interval[1]


@pytest.mark.parametrize("gap", [-1.0, -0.25, 0.0, 0.5, 1.0])
def test_problems_that_all_came_to_the_same_do_not_make_certain(gap: float) -> None:
    first, second = [max(gap, 0.0)] * 10, [max(-gap, 0.0)] * 10
    low, high = paired_difference(first, second).interval
    assert -1.0 <= low <= gap <= high <= 1.0
    assert high - low == pytest.approx(2 * wilson(0, 10)[1])


def test_the_interval_of_a_difference_is_near_the_normal_one() -> None:
    source = random.Random(5)
    first = [source.random() for _ in range(2000)]
    second = [source.random() for _ in range(2000)]
    low, high = paired_difference(first, second).interval
    assert (high - low) / 2 == pytest.approx(1.96 * (2 / 12) ** 0.5 / 2000**0.5, rel=0.1)


def test_pairing_sees_what_separate_intervals_would_not() -> None:
    source = random.Random(7)
    first = [source.random() for _ in range(100)]
    second = [score - 0.05 + source.random() / 100 for score in first]
    low, _ = paired_difference(first, second).interval
    assert low > 0.04


def test_the_same_scores_give_the_same_interval() -> None:
    first, second = [1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0]
    assert paired_difference(first, second) == paired_difference(first, second)


@pytest.mark.parametrize("pairs", [164, 378])
@pytest.mark.parametrize("discordant", [0.1, 0.3])
def test_the_smallest_difference_is_seen_in_four_of_five_comparisons(
    pairs: int, discordant: float
) -> None:
    difference = smallest_difference(pairs, discordant)
    assert difference is not None
    source, seen, trials = random.Random(11), 0, 1500
    for _ in range(trials):
        draws = [source.random() for _ in range(pairs)]
        better = sum(draw < (discordant + difference) / 2 for draw in draws)
        worse = sum(draw > 1 - (discordant - difference) / 2 for draw in draws)
        seen += binomial_p(better, worse) < 0.05
    assert seen / trials == pytest.approx(0.8, abs=0.04)


def test_more_pairs_show_smaller_differences() -> None:
    found = [smallest_difference(pairs, 0.2) for pairs in (50, 164, 500, 974)]
    assert found == sorted((x for x in found if x is not None), reverse=True)


def test_five_pairs_can_show_no_difference() -> None:
    assert smallest_difference(5, 0.5) is None


def test_two_models_that_always_agreed_could_still_have_differed_a_little() -> None:
    found = smallest_difference(164, 0.0)
    assert found is not None
    assert 6 / 164 < found < 0.06


@pytest.mark.parametrize(("pairs", "discordant"), [(0, 0.1), (10, -0.1), (10, 1.1)])
def test_a_comparison_that_cannot_be_is_refused(pairs: int, discordant: float) -> None:
    with pytest.raises(UsageError):
        smallest_difference(pairs, discordant)


def test_scores_that_do_not_pair_up_are_refused() -> None:
    with pytest.raises(UsageError):
        mcnemar([True], [True, False])
    with pytest.raises(UsageError):
        paired_difference([], [])
