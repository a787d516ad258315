"""Comparing values and text as a reader of the examples would."""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.judge import compare


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1, 1.0),
        (1, True),
        ([1, math.nan], [1, math.nan]),
        ((math.nan,), (math.nan,)),
        ({"a": math.nan}, {"a": math.nan}),
        ({math.nan, 1}, {float("nan"), 1}),
        (complex("nan"), complex("nan")),
        ({1: [2]}, {1: [2]}),
    ],
)
def test_equal_values_are_the_same(expected: Any, got: Any) -> None:
    assert compare.same(expected, got)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ([1], (1,)),
        ("1", 1),
        (None, 0),
        (0.1 + 0.2, 0.3),
        ([1, math.nan], [math.nan, 1]),
        ({math.nan, 1}, {1}),
        ({"a": 1}, {"a": 1, "b": 2}),
        (b"a", "a"),
        (1, Decimal("sNaN")),
    ],
)
def test_different_values_are_not_the_same(expected: Any, got: Any) -> None:
    assert not compare.same(expected, got)


@pytest.mark.parametrize("got", ["a\nb\n", "a\nb", "a  \nb\t\n\n\n", "a\r\nb\r\n"])
def test_white_space_at_the_ends_does_not_count(got: str) -> None:
    assert compare.same_text("a\nb", got)


@pytest.mark.parametrize("got", ["a b", "a\n\nb", " a\nb", "b\na", "", "A\nb"])
def test_other_white_space_counts(got: str) -> None:
    assert not compare.same_text("a\nb", got)


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_a_short_value_is_shown_as_its_source(value: Any) -> None:
    assert compare.show(value) == repr(value)


def test_a_long_value_is_cut() -> None:
    assert len(compare.show("x" * 100_000)) < 2 * compare.SHOWN


@pytest.mark.parametrize("value", [10**5000, [10**5000]], ids=["bare", "in a list"])
def test_an_integer_of_too_many_digits_can_be_shown(value: Any) -> None:
    assert compare.show(value)


def test_counts_that_have_no_order_can_be_shown() -> None:
    assert compare.show(Counter({1: Decimal("NaN"), 2: Decimal(1)}))


def test_what_is_shown_can_be_written_as_utf_8() -> None:
    assert compare.clip("a\ud800b").encode() == b"a\\ud800b"
