"""Tests made of asserts are read as calls, and only where that is all there is to them."""

from __future__ import annotations

import pytest

from codelathe.core.problem import CallExample
from codelathe.text.asserts import Asserted, called_functions, read_asserts

CHECK = """
METADATA = {{"author": "nobody"}}


def check(candidate):
    "Checks."
    {body}


check(f)
"""


def read(source: str) -> Asserted | None:
    return read_asserts(source, "f")


def calls_of(source: str) -> list[tuple[object, ...]]:
    asserted = read(source)
    assert asserted is not None
    return [(call.args, dict(call.kwargs), call.value) for call in asserted.calls]


def test_an_assert_of_equality_is_a_call_and_its_value() -> None:
    assert read("assert f(1, [2]) == 'x'") == Asserted(
        (CallExample("1, [2]", "'x'", (1, [2]), "x"),), "exact"
    )


def test_keyword_arguments_are_kept_apart() -> None:
    assert calls_of("assert f(1, k=(2,)) == {3}") == [((1,), {"k": (2,)}, {3})]


def test_asserts_of_a_check_function_are_read_where_it_is_called() -> None:
    source = CHECK.format(body="assert candidate(1) == 2\n    assert candidate(2) == 3, 'why'")
    assert calls_of(source) == [((1,), {}, 2), ((2,), {}, 3)]


def test_a_check_function_called_twice_is_read_twice() -> None:
    source = "def c(g):\n    assert g() == 1\nc(f)\nassert f(0) == 2\nc(f)"
    assert [args for args, _, _ in calls_of(source)] == [(), (0,), ()]


def test_the_value_may_stand_on_the_left() -> None:
    assert calls_of("assert -3 == f()") == [((), {}, -3)]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("3 * 19 * 2", 114),
        ("1.0 / 3", 1.0 / 3),
        ("'ab' + 'c' * 2", "abcc"),
        ("0 ** 0", 1),
        ("set([1, 1])", {1}),
        ("set()", set()),
        ("float('inf')", float("inf")),
        ("tuple([1, -2.5])", (1, -2.5)),
        ("{1: {'a': None}}", {1: {"a": None}}),
        ("[1, 2] + [3]", [1, 2, 3]),
        ("2 + 3j", 2 + 3j),
    ],
)
def test_constants_are_computed_as_python_does(written: str, value: object) -> None:
    assert calls_of(f"assert f({written}) == {written}") == [((value,), {}, value)]


@pytest.mark.parametrize(
    ("source", "comparer"),
    [
        ("assert f(1)\nassert not f(2)", "truth"),
        ("assert f(1) is None\nassert f(2) is True", "identical"),
        ("assert abs(f(1) - 2.5) < 1e-6", "within:1e-06"),
    ],
)
def test_other_ways_to_ask_have_their_own_comparer(source: str, comparer: str) -> None:
    asserted = read(source)
    assert asserted is not None
    assert asserted.comparer == comparer


def test_an_assert_of_truth_expects_true_and_its_denial_false() -> None:
    assert calls_of("assert f(1)\nassert not f(2)") == [((1,), {}, True), ((2,), {}, False)]


@pytest.mark.parametrize("line", ["assert True, 'message'", "pass", "'text'", "print", "x = [1]"])
def test_what_has_no_effect_may_stand_beside(line: str) -> None:
    assert len(calls_of(f"{line}\nassert f(1) == 2")) == 1


@pytest.mark.parametrize(
    "source",
    [
        "",
        "assert True",
        "assert f(x) == 1",
        "assert f(1) == g(1)",
        "assert f(f(1)) == 1",
        "assert f(1) != 1",
        "assert f(1) == 1 == f(2)",
        "assert f(1) == float('nan')",
        "assert f(1) == [float('inf') - float('inf')]",
        "assert f(*[1]) == 1",
        "assert f(**{'a': 1}) == 1",
        "assert f(a=1, a=2) == 1",
        "assert f(1).x == 1",
        "assert f(1)[0] == 1",
        "assert tuple(f(1)) == (1,)",
        "assert round(f(1), 2) == 1",
        "assert (f)(1) is 5",
        "assert f(1) and f(2)",
        "assert False",
        "assert 1 == 1\nassert f(1) == 1",
        "import math\nassert f(1) == 1",
        "for i in range(3):\n    assert f(i) == i",
        "f(0)\nassert f(1) == 1",
        "f = len\nassert f('a') == 1",
        "print = 5\nassert f(1) == 1",
        "x = open('y')\nassert f(1) == 1",
        "def f(a):\n    pass\nassert f(1) == 1",
        "def set(a):\n    pass\nassert f(1) == set([1])",
        "set = list\nassert f(1) == set([1])",
        "def c(abs):\n    assert abs(1) == 1\nc(f)",
        "def c(g):\n    assert f(1) == 1\nc(f)",
        "def c(g, h=1):\n    assert g(1) == 1\nc(f)",
        "@f\ndef c(g):\n    assert g(1) == 1\nc(f)",
        "def c(g):\n    return 1\n    assert g(1) == 1\nc(f)",
        "c(f)\ndef c(g):\n    assert g(1) == 1",
        "def c(g):\n    assert g(1) == 1\nc(len)",
        "assert f(1) == 1\nassert f(2)",
        "assert f(1) == 1\nassert f(2) is None",
        "assert abs(f(1) - 1) < 1",
        "assert abs(f(1) - 1.0) < 1e-6\nassert abs(f(1) - 1.0) < 1e-7",
        "assert f(10 ** 10 ** 10) == 1",
        "assert f('a' * 10 ** 9) == 1",
        "assert f(list(range(10 ** 9))) == 1",
        "assert f(1 / 0) == 1",
        "assert f({[]: 1}) == 1",
        "assert f(...) == 1",
        "assert f(f'{1}') == 1",
        "assert f(1) == 1 if True else 2",
        "assert f(1 ==",
        "assert f('\0') == 1",
    ],
)
def test_what_only_running_tells_is_not_read(source: str) -> None:
    assert read(source) is None


def test_a_function_named_like_a_type_is_not_read() -> None:
    assert read_asserts("assert list(1) == [1]", "list") is None


def test_an_entry_point_may_have_the_name_of_another_builtin() -> None:
    assert read_asserts("assert sum(1, 2) == 3", "sum") is not None


def test_values_of_two_calls_are_not_shared() -> None:
    asserted = read("def c(g):\n    assert g([1]) == 1\nc(f)\nc(f)")
    assert asserted is not None
    first, second = asserted.calls
    assert first.args[0] is not second.args[0]


def test_called_functions_are_named_in_order() -> None:
    source = "assert set(f(1)) == set([1])\nassert g(2)\nh(3)"
    assert called_functions(source) == ("set", "f", "g")


def test_code_that_does_not_parse_calls_nothing() -> None:
    assert called_functions("assert (") == ()


def test_a_value_that_is_nested_too_deep_is_not_read() -> None:
    assert read_asserts(f"assert f(1) == {'-' * 900}1", "f") is None
