"""EvalPlus's rules: a table of cases whose answers are those of its version 0.3.1."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.problem import CallExample
from codelathe.judge.codec import Iterated, Opaque
from codelathe.judge.compare import comparer
from codelathe.judge.evalplus import name_of
from codelathe.judge.evalplus_rules import all_close

INF, NAN = float("inf"), float("nan")


def holds(
    expected: Any, got: Any, entry: str = "f", args: tuple[Any, ...] = (), atol: float = 0
) -> bool:
    compare = comparer(name_of("mbpp", entry, atol))
    return compare(CallExample("", "", args, expected), got)


@pytest.mark.parametrize(
    ("expected", "got", "answer"),
    [
        (1, 1.0, True),
        (1, True, True),
        (1, 1.0000001, False),
        ([1], (1,), False),
        ("a", "a", True),
        (None, None, True),
        ({1: 2.0}, {1: 2.0000001}, False),
        (1.0, 1.0 + 1e-6, True),
        (1.0, 1.0 + 1.2e-6, False),
        (1.0, 1, True),
        (1.5, 2, False),
        (1e10, 1e10 + 900, True),
        (INF, INF, True),
        (NAN, NAN, False),
        ([1.0, 2.0], [1.0, 2.0000001], True),
        ([1.0, 2.0], (1.0, 2.0000001), False),
        ([1.0, 2.0], [1.0000001, 2, 3.0], False),
        ([1.0, 2.0], [1, 2.0000001], True),
        ([1.0, 2], [1.0000001, 2], False),
        ([[1.0]], [[1.0000001]], False),
        ([1.0, 2.0], [1.0, "2"], False),
        ([1.0, 2.0], [1.0, None], False),
        ([], [], True),
        (1.0, Opaque("X"), False),
        ([1.0], Iterated("generator", (1.0,)), False),
    ],
)
def test_values_are_compared_as_evalplus_does(expected: Any, got: Any, answer: bool) -> None:
    assert holds(expected, got) is answer


@pytest.mark.parametrize(
    ("expected", "got", "answer"),
    [
        (1, 1.00001, False),
        (100, 101, False),
        ([[1.0], [2.0]], [[1.00001], [2.0]], True),
        ([[1.0], [2.0]], [[1.0], [2.0, 3.0]], False),
        ([1.0, 2.0], [[1.00001, 2.0], [1.0, 2.0]], True),
        (((), 1.0), ((), 1.00001), False),
        ({"a": 1.0}, {"a": 1.00001}, False),
        ((10**30,), (10**30 + 1,), False),
        (1 + 2j, 1.00001 + 2j, True),
        ("a", "b", False),
    ],
)
def test_a_tolerance_of_the_problem_holds_for_all_its_numbers(
    expected: Any, got: Any, answer: bool
) -> None:
    assert holds(expected, got, atol=1e-4) is answer


def test_the_tolerance_stays_once_a_float_was_expected() -> None:
    compare = comparer("evalplus:mbpp:f:0")
    nested = CallExample("", "", (), [[1.0]])
    assert not compare(nested, [[1.0000001]])
    assert compare(CallExample("", "", (), 0.5), 0.5)
    assert compare(nested, [[1.0000001]])


def test_a_new_run_does_not_remember() -> None:
    comparer("evalplus:mbpp:f:0")(CallExample("", "", (), 0.5), 0.5)
    assert not holds([[1.0]], [[1.0000001]])


@pytest.mark.parametrize(
    ("entry", "args", "expected", "got", "answer"),
    [
        ("are_equivalent", (36, 57), False, "anything", True),
        ("sum_div", (7,), 1, 0, True),
        ("sum_div", (7,), 1, 2, False),
        ("surface_Area", (3, 4), 33, 34, False),
        ("surface_Area", (3, 4), 0, 35, True),
        ("surface_Area", (3, 4), 0, None, False),
        ("digit_distance_nums", (1, 23), 0, 4, True),
        ("digit_distance_nums", (1, 23), 0, 5, False),
        ("similar_elements", (), (4, 5), [5, 4, 4], True),
        ("similar_elements", (), (4, 5), Iterated("set_iterator", (5, 4)), True),
        ("similar_elements", (), (4, 5), {4}, False),
        ("Diff", (), [1], 1, False),
        ("check_str", (), True, Opaque("Match"), True),
        ("check_str", (), True, None, False),
        ("check_str", (), False, None, True),
        ("check_str", (), False, False, True),
        ("check_str", (), True, False, False),
    ],
)
def test_some_problems_have_rules_of_their_own(
    entry: str, args: tuple[Any, ...], expected: Any, got: Any, answer: bool
) -> None:
    assert holds(expected, got, entry, args) is answer


def test_those_rules_are_for_mbpp_alone() -> None:
    compare = comparer("evalplus:humaneval:are_equivalent:0")
    assert not compare(CallExample("", "", (), 1), 2)


@pytest.mark.parametrize(
    ("got", "answer"), [(1.0, True), (1.0 + 1e-5, True), (1.1, False), ("1", False), (None, False)]
)
def test_a_zero_is_one_where_the_polynomial_is_near_zero(got: Any, answer: bool) -> None:
    compare = comparer("evalplus:humaneval:find_zero:0.0001")
    assert compare(CallExample("", "", ([-1.0, 1.0],), 99.0), got) is answer


numbers = st.floats() | st.integers(-(2**70), 2**70) | st.booleans()
values = st.recursive(numbers, lambda x: st.lists(x, max_size=3), max_leaves=8)


@given(values, values, st.sampled_from([1e-6, 1e-3, 0.5]))
def test_close_is_what_numpy_calls_close(got: Any, expected: Any, tolerance: float) -> None:
    numpy = pytest.importorskip("numpy")
    if isinstance(got, list) != isinstance(expected, list):
        return  # values of unlike types are never asked about
    try:
        with numpy.errstate(all="ignore"):
            wanted = bool(numpy.allclose(got, expected, rtol=1e-07, atol=tolerance))
    except (ValueError, TypeError, OverflowError):
        wanted = False
    try:
        found = all_close(got, expected, tolerance)
    except (ValueError, TypeError, OverflowError):
        found = False
    assert found == wanted
