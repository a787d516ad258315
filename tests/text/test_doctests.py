"""Examples in a prompt are found, and none is made up."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.text.doctests import doctest_examples


def found(prompt: str, entry_point: str = "f") -> list[tuple[str, str]]:
    return [(e.input, e.expected) for e in doctest_examples(prompt, entry_point)]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (">>> f(1, 2)\n3", [("1, 2", "3")]),
        ('def f(x):\n    """Do.\n\n    >>> f([1])\n    [2]\n    """\n', [("[1]", "[2]")]),
        (">>> f('a')\n'b'\n>>> f('c')\n'd'", [("'a'", "'b'"), ("'c'", "'d'")]),
        (">>> f(1,\n...   2)\n[1,\n 2]\n", [("1,\n  2", "[1,\n 2]")]),
        (">>> f(1)\n2.5\n\nText.", [("1", "2.5")]),
        (">>> f(1) == 2\nTrue", [("1", "2")]),
        ('    >>> f(1)\n    True"""', [("1", "True")]),
        ('>>> f("a\\nb")\n"c"', [('"a\\nb"', '"c"')]),
        ("f([1, 2]) ➞ 3", [("[1, 2]", "3")]),
        ("f(1) == 2", [("1", "2")]),
        ("f(1) => 2", [("1", "2")]),
        ("f(1) # returns 2", [("1", "2")]),
        ("* f('a(b') returns (1, 'x)')", [("'a(b'", "(1, 'x)')")]),
        ("For example, f(1) should return [1].", [("1", "[1]")]),
        ("f(1) -> 2  # because", [("1", "2")]),
        ("f(2.5) -> 1.5, f(3) -> 4", [("3", "4")]),
        ("f(k=3) == None", [("k=3", "None")]),
    ],
)
def test_examples_are_found(prompt: str, expected: list[tuple[str, str]]) -> None:
    assert found(prompt) == expected


@pytest.mark.parametrize(
    "prompt",
    [
        ">>> f(x)\n3",
        ">>> g(1)\n3",
        ">>> f(1)\nTraceback (most recent call last):\nValueError: no",
        ">>> x = f(1)\n",
        ">>> f(1)\n",
        ">>> print(f(1))\n3",
        ">>> round(f(1), 2)\n3",
        "f(1) == 2 + 3",
        "f(1) -> 2 - 3 = 4",
        "f(a) => True",
        "f(1) = 3",
        "f(1) == g(2)",
        "f(n) => 2",
        "f(1) => a list",
        "obj.f(1) == 2",
        "f(1",
        "f('a) == 2",
    ],
)
def test_what_is_not_surely_an_example_is_left_out(prompt: str) -> None:
    assert found(prompt) == []


def test_contradicting_examples_are_left_out() -> None:
    assert found("f(1) == 2\nf(1) == 3\nf(2) == 4") == [("2", "4")]


def test_a_repeated_example_counts_once() -> None:
    assert found(">>> f(1)\n2\n\nf(1) == 2") == [("1", "2")]


def test_the_function_is_the_one_of_the_signature() -> None:
    sessions = ">>> g(1)\n    1\n    >>> f(1)\n    2"
    prompt = f'def g(x):\n    return x\n\ndef f(x):\n    """\n    {sessions}\n    """'
    assert found(prompt, "") == [("1", "2")]


def test_without_a_signature_the_only_function_called_counts() -> None:
    assert found("Double it.\n>>> twice(1)\n2\n", "") == [("1", "2")]


def test_a_prompt_that_names_no_function_has_no_examples() -> None:
    assert found(">>> a(1)\n1\n>>> b(1)\n1\n", "") == []


def test_a_method_is_called_on_an_instance() -> None:
    assert found(">>> Solution().f(1)\n2\n", "Solution.f") == [("1", "2")]


SIGNATURE = "class Solution:\n    def two(self, nums: list[int], target: int) -> int:\n"


def test_input_and_output_lines_are_arguments_in_their_order() -> None:
    prompt = f"Input: nums = [2, 7], target = 9\nOutput: 1 # one\n\n{SIGNATURE}"
    (example,) = doctest_examples(prompt)
    assert (example.input, example.args, example.value) == ("[2, 7], 9", ([2, 7], 9), 1)


def test_input_lines_of_another_number_of_arguments_are_left_out() -> None:
    assert found(f"입력: 3\n출력: 4\n\n{SIGNATURE}", "") == []


@given(st.text(), st.text(max_size=5))
def test_no_text_breaks_the_search(prompt: str, entry_point: str) -> None:
    doctest_examples(prompt, entry_point)


@pytest.mark.parametrize("part", ["f(", ">>> f(\n", "f(1) == 2 , ", "def f(x):\n", " " * 10, '"'])
def test_a_prompt_of_a_megabyte_is_done_with(part: str) -> None:
    doctest_examples(part * (1_000_000 // len(part)), "f")


#: Where the benchmark's own docstring contradicts its canonical solution.
WRONG_IN_THE_BENCHMARK = {"HumanEval/47", "HumanEval/116", "HumanEval/148"}


def test_no_example_of_humaneval_contradicts_its_solution(humaneval: list[dict[str, Any]]) -> None:
    wrong = set()
    for problem in humaneval:
        space: dict[str, Any] = {}
        exec(problem["prompt"] + problem["canonical_solution"], space)
        function = space[problem["entry_point"]]
        for example in doctest_examples(problem["prompt"], problem["entry_point"]):
            with contextlib.redirect_stdout(io.StringIO()):
                got = function(*copy.deepcopy(example.args), **example.kwargs)
            if got != example.value:
                wrong.add(problem["task_id"])
    assert wrong == WRONG_IN_THE_BENCHMARK


def test_most_problems_of_humaneval_have_examples(humaneval: list[dict[str, Any]]) -> None:
    assert sum(bool(doctest_examples(problem["prompt"])) for problem in humaneval) >= 140


@pytest.mark.parametrize("session", ["f({})\n1", "f(1)\n{}", "f({}) == 1\nTrue"])
def test_an_example_that_is_nested_too_deep_is_none(session: str) -> None:
    assert doctest_examples(">>> " + session.format("-" * 900 + "1"), "f") == ()
