"""Requests say what is wanted, in the user's language and in few words."""

from __future__ import annotations

from typing import Any

import pytest

from codelathe.core.generation import Request, Sampling
from codelathe.core.problem import Problem
from codelathe.text.examples import parse_examples
from codelathe.text.prompts import SHOWN_EXAMPLES, completion_request, solve_request

SIGNATURE = 'import re\n\n\ndef add(a, b):\n    """Sum.\n\n    >>> add(1, 2)\n    3\n    """\n'


def asked(prompt: str, **about: Any) -> str:
    (message,) = solve_request(Problem(prompt, **about), Sampling()).messages
    return message.content


def test_the_users_words_come_first_and_unchanged() -> None:
    assert asked("Reverse  a text.\nQuickly.").startswith("Reverse  a text.\nQuickly.\n\n")


def test_a_korean_prompt_gets_korean_instructions() -> None:
    text = asked("문자열을 뒤집어 주세요.")
    assert "함수" in text
    assert "Answer" not in text


@pytest.mark.parametrize(("features", "prefill"), [({"prefill"}, "```python\n"), (set(), "")])
def test_the_fence_is_opened_only_where_the_engine_can(features: Any, prefill: str) -> None:
    assert solve_request(Problem("Go"), Sampling(), features=features).prefill == prefill


def test_sampling_and_number_go_through() -> None:
    request = solve_request(Problem("Go"), Sampling(seed=3, temperature=0.5), 4)
    assert (request.n, request.sampling) == (4, Sampling(seed=3, temperature=0.5))


def test_examples_are_shown_as_calls_of_the_named_function() -> None:
    examples = parse_examples(["1, 2"], ["3"])
    assert "add(1, 2) == 3" in asked("Add.", entry_point="add", examples=examples)


def test_examples_without_a_known_name_are_shown_too() -> None:
    assert "f('ab') == 'ba'" in asked("Go", examples=parse_examples(["'ab'"], ["'ba'"]))


def test_only_a_few_short_examples_are_shown() -> None:
    inputs = ["'" + "x" * 5000 + "'", *map(str, range(50))]
    text = asked("Go", examples=parse_examples(inputs, ["0"] * 51))
    assert text.count(" == ") == SHOWN_EXAMPLES
    assert len(text) < 1000


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("Write two functions, encode(s) and decode(s).", "Write it in Python."),
        ("Implement an LRU cache as a class.", "Write it in Python."),
        ("스택 클래스를 작성하세요.", "Python 언어로 작성하세요."),
    ],
)
def test_several_functions_or_a_class_are_not_asked_for_as_one_function(
    prompt: str, told: str
) -> None:
    assert told in asked(prompt)
    assert "one Python function" not in asked(prompt)


def test_examples_of_several_functions_call_the_first() -> None:
    text = asked("Write functions enc(s) and dec(s).", examples=parse_examples(["'a'"], ["'b'"]))
    assert "enc('a') == 'b'" in text


def test_an_example_that_the_prompt_shows_is_not_repeated() -> None:
    text = asked(SIGNATURE, examples=parse_examples(["1, 2"], ["3"]))
    assert text.count("add(1, 2)") == 1


def test_a_signature_is_kept_in_a_fence() -> None:
    assert f"```python\n{SIGNATURE.strip()}\n```" in asked(SIGNATURE)


def test_words_before_a_signature_are_kept_as_words() -> None:
    text = asked(f"Please finish this.\n\n{SIGNATURE}")
    assert text.startswith("Please finish this.\n\n```python\nimport re")


def test_a_fence_of_the_users_own_is_left_as_it_is() -> None:
    prompt = f"Finish:\n```python\n{SIGNATURE}```"
    assert asked(prompt).startswith(prompt)


def test_a_prompt_that_says_it_all_is_not_told_again() -> None:
    assert asked("Write a Python function to reverse a string.").count("function") == 1


def test_a_name_that_the_prompt_lacks_is_told() -> None:
    assert "`rev`" in asked("Write a Python function to reverse a string.", entry_point="rev")


def test_a_program_is_asked_to_read_standard_input() -> None:
    text = asked("Add.", program=True, examples=parse_examples(["1 2\n"], ["3\n"], program=True))
    assert "standard input" in text
    assert "Input:\n1 2\n\nOutput:\n3" in text


def test_another_language_is_named_as_people_write_it() -> None:
    assert "C++ function" in asked("Add two numbers.", language="cpp")


def completed(prompt: str, **about: Any) -> Request:
    return completion_request(Problem(prompt, **about), Sampling())


def test_a_base_model_goes_on_from_the_signature() -> None:
    assert completed(SIGNATURE).prompt == SIGNATURE


def test_a_base_model_reads_words_as_a_comment() -> None:
    request = completed("Add.", entry_point="add", examples=parse_examples(["1, 2"], ["3"]))
    assert request.prompt == "# Add.\n# add(1, 2) == 3\n\ndef add("


def test_a_base_model_gets_the_comments_of_the_language() -> None:
    assert completed("Add.\nFast.", language="go").prompt == "// Add.\n// Fast.\n"
