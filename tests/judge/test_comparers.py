"""The ways to compare values and text, by name."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.errors import UnknownName, UsageError
from codelathe.core.problem import CallExample
from codelathe.judge.codec import Iterated, Opaque
from codelathe.judge.compare import comparer, same_text


def holds(name: str, expected: Any, got: Any) -> bool:
    return comparer(name)(CallExample("", "", (), expected), got)


def test_exact_is_what_an_assert_of_equality_says() -> None:
    assert holds("exact", True, 1)
    assert not holds("exact", [1], (1,))


@pytest.mark.parametrize(
    ("expected", "got", "answer"),
    [
        (True, 5, True),
        (True, [], False),
        (False, "", True),
        (False, None, True),
        (True, Opaque("Match"), True),
        (False, Opaque("Match"), False),
        (True, Iterated("generator", ()), True),
        (False, Iterated("dict_keys", ()), True),
        (True, Iterated("dict_keys", (1,)), True),
        (True, Decimal("sNaN"), True),
    ],
)
def test_truth_is_what_a_bare_assert_says(expected: bool, got: Any, answer: bool) -> None:
    assert holds("truth", expected, got) is answer


@pytest.mark.parametrize(
    ("expected", "got", "answer"),
    [(True, True, True), (True, 1, False), (None, None, True), (False, 0, False)],
)
def test_identical_takes_no_equal_value(expected: Any, got: Any, answer: bool) -> None:
    assert holds("identical", expected, got) is answer


@pytest.mark.parametrize(
    ("got", "answer"),
    [
        (2.5, True),
        (2.5 + 9e-7, True),
        (2.5 + 2e-6, False),
        (float("nan"), False),
        ("2.5", False),
        (None, False),
        (Opaque("X"), False),
        (10**400, False),
    ],
)
def test_within_is_nearer_than_its_parameter(got: Any, answer: bool) -> None:
    assert holds("within:1e-6", 2.5, got) is answer


@given(st.lists(st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)))
def test_unordered_takes_any_order(items: list[Any]) -> None:
    shuffled = random.Random(0).sample(items, len(items))
    assert holds("unordered", items, shuffled)


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3)))
def test_unordered_counts_every_item(some: list[int], others: list[int]) -> None:
    assert holds("unordered", some, others) == (sorted(some) == sorted(others))


@pytest.mark.parametrize(
    ("expected", "got"),
    [([1, 2], (2, 1)), ([[1, 2]], [[2, 1]]), ("ab", "ba"), ([1], Opaque("X")), ([1], None)],
)
def test_unordered_is_about_top_level_items_of_one_type(expected: Any, got: Any) -> None:
    assert not holds("unordered", expected, got)


@pytest.mark.parametrize("got", ["1 2\n3", " 1\n\n2   3\n", "1\t2 3"])
def test_tokens_do_not_mind_how_words_are_spaced(got: str) -> None:
    assert same_text("1 2\n3\n", got, "tokens")


@pytest.mark.parametrize("got", ["12 3", "1 2", "1 2 3 3", "1 3 2", "1.0 2 3"])
def test_tokens_have_to_be_the_same_words(got: str) -> None:
    assert not same_text("1 2\n3\n", got, "tokens")


@pytest.mark.parametrize(
    ("expected", "got", "answer"),
    [
        ("x 0.5", "x 0.5000001", True),
        ("0.5", "0.50001", False),
        ("1000000.0", "1000000.5", True),
        ("1", "1.0", True),
        ("5e-1", "0.5", True),
        ("1000000", "1000001", False),
        ("0.5", "half", False),
        ("nan", "nan", True),
        ("1.0", "nan", False),
        ("inf", "inf", True),
    ],
)
def test_tokens_with_a_tolerance_take_near_numbers(expected: str, got: str, answer: bool) -> None:
    assert same_text(expected, got, "tokens:1e-6") is answer


def test_lines_mind_how_words_are_spaced() -> None:
    assert not same_text("1 2", "1  2", "lines")


@pytest.mark.parametrize("name", ["exactly", "", "lines"])
def test_an_unknown_comparer_of_values_is_refused(name: str) -> None:
    with pytest.raises(UnknownName):
        comparer(name)


def test_an_unknown_comparer_of_text_is_refused() -> None:
    with pytest.raises(UnknownName):
        same_text("a", "a", "exact")


@pytest.mark.parametrize(
    "name",
    [
        "exact:1", "truth:x", "identical:0", "unordered:2", "within", "within:0", "within:nan",
        "within:inf", "within:x", "evalplus", "evalplus:mbpp", "evalplus:mbpp:f",
        "evalplus:mbpp:f:x", "evalplus:mbpp:f:-1", "evalplus:mbpp:f:nan", "evalplus:apps:f:0",
        "evalplus:mbpp::0",
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        comparer(name)


@pytest.mark.parametrize("name", ["lines:1", "tokens:0", "tokens:x"])
def test_parameters_of_text_that_make_no_sense_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        same_text("a", "a", name)
