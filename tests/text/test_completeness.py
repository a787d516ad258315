"""Writing ends when the function is complete: not before its last line, not long after."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.problem import Problem
from codelathe.text.completeness import FunctionComplete, completion_watch

REVERSE = "def reverse(s):\n    return s[::-1]\n"


def written(text: str, entry_point: str = "", *, opened: bool = True, **problem: Any) -> str | None:
    """What of `text` is written, letter by letter, until it is complete; None if it never is."""
    complete = FunctionComplete(Problem("Go", entry_point=entry_point, **problem), opened)
    return next((text[:end] for end in range(len(text) + 1) if complete(text[:end])), None)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (f"{REVERSE}```\nIt works.", "\nIt works."),
        (f"{REVERSE}\nprint(reverse('a'))", "reverse('a'))"),
        (f"{REVERSE}\nassert reverse('a')", "reverse('a')"),
        (f"{REVERSE}\nif __name__ == '__main__':", " == '__main__':"),
        (f"{REVERSE}\n# Example usage:\nx", ":\nx"),
        (f"{REVERSE}\n# Test\nx", "x"),
        (f"{REVERSE}\n# 사용 예시\nx", "\nx"),
        (f"{REVERSE}\nThis function reverses the text.\nx", "x"),
        (f"{REVERSE}\n이 함수는 문자열을 뒤집습니다.\nx", "x"),
    ],
)
def test_what_is_no_part_of_a_solution_ends_it(text: str, rest: str) -> None:
    assert written(text) == text.removesuffix(rest)


def test_a_known_function_ends_with_the_next_line_at_the_margin() -> None:
    assert written(f"{REVERSE}\n\ndef other(): pass", "reverse") == f"{REVERSE}\n\nd"


def test_what_is_nested_deeper_than_python_recurses_is_looked_into() -> None:
    chain = ".next" * 1500
    assert written(f"def f(x):\n    return x\n\nlast = first{chain}\n\nd", "g") is None
    assert written(f"def f(x):\n    return x{chain}\n\nd", "f") is not None


def test_a_clause_at_the_margin_is_the_middle_of_a_statement() -> None:
    text = "try:\n    import numpy\nexcept ImportError:\n    pass\ndef f(x):\n    return x\n"
    assert written(f"{text}else_ = 1", "f") == f"{text}else_"
    assert written("if 1:\n    def f(x):\n        return x\nelse:\n    pass\n", "f") is None


def test_where_several_functions_are_asked_for_the_first_is_not_the_end() -> None:
    text = f"{REVERSE}\n\ndef turn(s):\n    return s\n"
    complete = FunctionComplete(Problem("Write functions reverse(s) and turn(s)."), True)
    assert not any(complete(text[:end]) for end in range(len(text) + 1))
    assert complete(f"{text}```")


def test_a_block_with_only_a_helper_is_not_the_end() -> None:
    helper = "A helper:\n```python\ndef helper(s):\n    return s\n```\n"
    rest = "Now:\n```python\ndef solve(s):\n    return helper(s)\n```"
    assert written(helper + rest, "solve", opened=False) == helper + rest


def test_an_unknown_function_may_be_followed_by_others() -> None:
    assert written(f"{REVERSE}\n\ndef other(): pass\n") is None


def test_a_helper_that_is_not_yet_defined_is_waited_for() -> None:
    text = "def solve(s):\n    return helper(s)\n\ndef helper(s):\n    return deep(s)\n\n"
    text += "def deep(s):\n    return s\n\nx"
    assert written(text, "solve") == text


def test_a_forgotten_import_is_not_waited_for() -> None:
    text = "def solve(s: List[int]):\n    return math.sqrt(s)\n\nx"
    assert written(text, "solve") == text


@pytest.mark.parametrize(
    "text",
    [
        "def reverse(s):\n    text = '''\nprint(s)\nassert s\nThis is a text of words.\n'''\n",
        "def reverse(s):\n    return [\n        s,\n]\n",
        "def reverse(s):\n    x = s\n# a remark at the margin\n    return x\n",
        "def reverse(s):\n    '''Use it so:\n\n    ```\n    reverse('a')\n    ```\n    '''\n",
        "@cache\ndef reverse(s):\n    return s\n",
        "import os\n\nX = 1\n\n\ndef reverse(s):\n\n    return s\n",
        "print(1)\n",
    ],
)
@pytest.mark.parametrize("entry_point", ["", "reverse"])
def test_the_function_itself_is_never_cut(text: str, entry_point: str) -> None:
    assert written(text, entry_point) is None


def test_prose_before_the_fence_is_no_code() -> None:
    text = f"Here is how:\nprint(it) or so.\n\n```python\n{REVERSE}```"
    assert written(f"{text}\nMore", opened=False) == text


def test_a_block_of_commands_does_not_end_it() -> None:
    text = f"```bash\npip install it\n```\n\n```python\n{REVERSE}```"
    assert written(text, opened=False) == text


def test_bare_code_is_watched_too() -> None:
    assert written(f"{REVERSE}\nprint(1)", opened=False) == f"{REVERSE}\nprint("


def test_broken_code_ends_with_its_fence() -> None:
    assert written("def f(:\n    pass\n```\nSorry") == "def f(:\n    pass\n```"


@pytest.mark.parametrize("problem", [{"program": True}, {"language": "javascript"}])
def test_programs_and_other_languages_end_only_with_their_fence(problem: dict[str, Any]) -> None:
    text = "print(1)\n# Test\nprint(2)\nassert 3\n```"
    assert written(f"{text}\nx", "f", **problem) == text


def test_code_that_a_base_model_goes_on_from_counts() -> None:
    watch = completion_watch(Problem("Go", entry_point="f"), opened=True, head="def f(x):\n")
    assert not watch(0, 0, "    return x\n")
    assert watch(0, 0, "    return x\n\nd")


def test_each_answer_of_a_batch_is_watched_on_its_own() -> None:
    watch = completion_watch(Problem("Go"), opened=True)
    assert watch(0, 0, f"{REVERSE}```")
    assert not watch(0, 1, REVERSE)


def test_once_complete_stays_complete() -> None:
    complete = FunctionComplete(Problem("Go"), opened=True)
    assert complete(f"{REVERSE}```")
    assert complete(f"{REVERSE}```\n\nmore")


def test_several_tokens_at_once_miss_nothing() -> None:
    assert FunctionComplete(Problem("Go"), opened=False)(f"Hi\n```py\n{REVERSE}```\nbye\nbye")


@given(st.text(alphabet=st.sampled_from("def f():\n return`#'\"[](x) ~")), st.booleans())
def test_no_text_breaks_the_watch(text: str, opened: bool) -> None:
    written(text, "f", opened=opened)


def test_each_solution_of_humaneval_is_written_whole_and_nothing_after_it(
    humaneval: list[dict[str, Any]],
) -> None:
    wrong = []
    for problem in humaneval:
        solution = (problem["prompt"] + problem["canonical_solution"]).rstrip()
        text = f"{solution}\n\n{problem['test'].lstrip()}"
        stopped = written(text, problem["entry_point"])
        if stopped is None or stopped[:-1].rstrip() != solution:
            wrong.append(problem["task_id"])
    assert wrong == []
