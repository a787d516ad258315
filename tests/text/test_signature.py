"""Which function a prompt asks for, and which one of an answer its examples call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.problem import Problem
from codelathe.text.signature import asked_name, find_entry_point, prompt_code, stub

ADD = 'def add(a, b):\n    """Sum."""\n'


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        (ADD, "add"),
        ("def add(a, b):", "add"),
        ("def one():\n    return 1\n\n\ndef two():\n    '''Two.'''\n", "two"),
        ("class Solution:\n    def two_sum(self, nums: list[int]) -> int:", "Solution.two_sum"),
        (f"Complete this:\n\n{ADD}", "add"),
        (f"Complete this:\n```python\n{ADD}```\nThanks!", "add"),
        ("Write reverse_string(s).", "reverse_string"),
        ("Write a function named `flip` that flips.", "flip"),
        ("Write a function called flip.", "flip"),
        ("문자열을 뒤집는 reverse_string 함수를 작성해줘.", "reverse_string"),
        ("`flip`이라는 함수를 작성해줘.", "flip"),
        ("Write a Python function to reverse a string.", ""),
        ("Use sorted(x) to sort a list called nums or xs(1) or ys(2).", ""),
        ("파이썬 함수를 작성해줘.", ""),
        ("", ""),
    ],
)
def test_the_function_asked_for_is_known_where_the_prompt_says_it(prompt: str, name: str) -> None:
    assert asked_name(prompt) == name


def test_the_code_of_a_prompt_is_told_from_its_prose() -> None:
    assert prompt_code(f"Please complete:\n\nimport re\n\n{ADD}") == f"import re\n\n{ADD}".strip()


def test_prose_has_no_code() -> None:
    assert prompt_code("import taxes are high\nfrom the start") == ""


@pytest.mark.parametrize("prompt", [ADD, "def f(x):", "def f(x):\n    ...", "def f(x):\n    pass"])
def test_a_function_without_a_body_is_a_stub(prompt: str) -> None:
    assert stub(prompt) is not None


@pytest.mark.parametrize("prompt", ["def f(x):\n    return x", "x = 1", "Fix f(x)", "import os"])
def test_what_has_a_body_or_no_function_is_no_stub(prompt: str) -> None:
    assert stub(prompt) is None


@pytest.mark.parametrize(
    ("prompt", "code", "name"),
    [
        (ADD, "def add(a, b): return 1\ndef other(): return 2", "add"),
        ("Write flip(s)", "def flip(s): return s\ndef flop(s): return s", "flip"),
        ("Write flip(s) with help(s)", "def flip(s): return s\ndef flop(s): return s", "flip"),
        ("Go", "def helper(): pass\n\ndef solve(): return helper()", "solve"),
        ("Go", "def solve(): return helper()\n\ndef helper(): pass", "solve"),
        ("Go", "def solve(n): return solve(n - 1)", "solve"),
        ("Go", "def solve(): pass\ndef test_solve(): solve()", "solve"),
        ("Go", "def solve(): pass\ndef main(): solve()", "solve"),
        ("Go", "solve = lambda x: x", "solve"),
        ("Go", "class Solution:\n  def go(self): pass\n  def _h(self): pass", "Solution.go"),
        ("Go", "def h(): pass\nclass Solution:\n  def go(self): h()", "Solution.go"),
        ("Write go(x)", "class Solution:\n  def go(self, x): pass", "Solution.go"),
        ("Go", "x = 1", ""),
        ("Go", "def broken(:", ""),
    ],
)
def test_the_function_that_examples_call_is_found(prompt: str, code: str, name: str) -> None:
    assert find_entry_point(Problem(prompt), code) == name


def test_the_name_that_the_problem_gives_stands_even_where_the_code_lacks_it() -> None:
    assert find_entry_point(Problem("Go", entry_point="wanted"), "def other(): pass") == "wanted"


def test_a_wanted_function_may_be_a_method() -> None:
    code = "class Solution:\n    def go(self): pass\n    def other(self): pass"
    assert find_entry_point(Problem("Go", entry_point="go"), code) == "Solution.go"


@given(st.text(), st.text())
def test_no_text_breaks_the_search(prompt: str, code: str) -> None:
    find_entry_point(Problem(prompt), code)
