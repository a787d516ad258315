"""The code of an answer is found, whatever stands around it."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.problem import Problem
from codelathe.text.extraction import extract_code

REVERSE = "def reverse(s):\n    return s[::-1]"
PROMPT = 'from typing import List\n\n\ndef add(xs: List[int]) -> int:\n    """Sum."""\n'
WHOLE = f"{PROMPT}    return sum(xs)"


def code_of(text: str, prompt: str = "Reverse a text.", prefill: str = "", **about: Any) -> str:
    return extract_code(Problem(prompt, **about), text, prefill)


@pytest.mark.parametrize(
    "text",
    [
        REVERSE,
        f"```python\n{REVERSE}\n```",
        f"```py\n{REVERSE}\n```",
        f"```\n{REVERSE}\n```",
        f"```Python3 title='x'\n{REVERSE}\n```",
        f"~~~python\n{REVERSE}\n~~~",
        f"````python\n{REVERSE}\n````",
        f"```python\n{REVERSE}",
        f"Sure, here it is:\n\n```python\n{REVERSE}\n```\n\nIt works by slicing.",
        f"Sure, here it is:\n\n{REVERSE}\n\nThis function uses slicing.",
        f"Note: simple.\n{REVERSE}\nDone: it works.",
        "1. Do this:\n\n   ```python\n   def reverse(s):\n       return s[::-1]\n   ```\n2. Done",
        "```python\r\ndef reverse(s):\r\n    return s[::-1]\r\n```\r\n",
        f"\ufeff{REVERSE}\n",
        "```python\ndef reverse(s):\n    return s[\u200b::-1]\n```",
        "```python\ndef reverse(s):\n\u00a0   return s[::-1]\n```",
        ">>> def reverse(s):\n...     return s[::-1]\n...\n>>> reverse('ab')\n'ba'",
        f"```bash\npip install it\n```\n```python\n{REVERSE}\n```\n```text\n'ba'\n```",
        f"```python\n{REVERSE}\n```\nUse it:\n```python\nprint(reverse('ab'))\n```",
        f"```python\n{REVERSE}\n\nprint(reverse('ab'))\n\n# Test\nassert reverse('') == ''\n```",
        f"```python\n{REVERSE}\n\n\nif __name__ == '__main__':\n    reverse(input())\n```",
        f"```python\n{REVERSE}\n\n\ndef test_reverse():\n    assert reverse('') == ''\n```",
        f"```python\n{REVERSE}\n\n\ntext = input()\nresult = reverse(text)\n```",
        f"```python\n{REVERSE}\n\n\ndef broken(s):\n    x = (s,\n```",
        "    def reverse(s):\n        return s[::-1]\n",
    ],
)
def test_the_function_is_found(text: str) -> None:
    assert code_of(text) == REVERSE


@pytest.mark.parametrize("remark", ["# Test", "# Example usage:", "# 사용 예시\n# 둘째 줄"])
def test_a_remark_that_heads_cut_off_tests_is_dropped(remark: str) -> None:
    assert code_of(f"{REVERSE}\n\n{remark}", prefill="```python\n") == REVERSE


BOTH = "def encode(s):\n    return s\n\n\ndef decode(s):\n    return s"


@pytest.mark.parametrize(
    "prompt",
    [
        "Write two functions, encode(s) and decode(s).",
        "Write encode(s). Also write its inverse.",
        "encode(s)와 그 역함수, 두 함수를 작성하세요.",
        "Write a class with an encode(s) method, or functions.",
    ],
)
def test_all_functions_stay_where_several_are_asked_for(prompt: str) -> None:
    assert code_of(f"{BOTH}\n\nprint(decode(encode('a')))", prompt) == BOTH


@pytest.mark.parametrize(
    "code",
    [
        "def solve(n):\n    return helper(n)\n\n\ndef helper(n):\n    return n",
        "def solve(n):\n    return LIMIT - n\n\n\nLIMIT = 9",
        "from functools import cache\n\n\n@cache\ndef solve(n):\n    return n and solve(n - 1)",
        "import sys\nsys.setrecursionlimit(10**6)\n\n\ndef solve(n):\n    return n",
        'def solve(n):\n    """Doc.\n\n    ```python\n    solve(1)\n    ```\n    """\n    return n',
        "Row = list[int]\n\n\nclass Box:\n    x = 1\n\n\ndef solve(n: Row):\n    return Box",
    ],
)
def test_what_the_function_needs_stays(code: str) -> None:
    fenced = f"```python\n{code}\n\n\nprint(solve(3))\n```"
    assert code_of(fenced, "Write solve(n).") == code


def test_smart_quotes_are_straightened_where_the_code_needs_it() -> None:
    assert code_of("```\ndef f():\n    return ‘a’\n```") == "def f():\n    return 'a'"


def test_smart_quotes_inside_good_code_are_kept() -> None:
    code = "def f():\n    return '‘a’\u200b'"
    assert code_of(f"```\n{code}\n```") == code


def test_tabs_and_spaces_are_reconciled() -> None:
    code = code_of("```\ndef f(x):\n    if x:\n\treturn 1\n    return 2\n```")
    names: dict[str, Any] = {}
    exec(code, names)
    assert (names["f"](True), names["f"](False)) == (1, 2)


def test_what_a_prefill_opened_counts() -> None:
    assert code_of(f"{REVERSE}\n```", prefill="```python\n") == REVERSE


def test_a_signature_in_the_prefill_counts() -> None:
    prefill = "```python\ndef reverse(s):\n"
    assert code_of("    return s[::-1]\n```", prefill=prefill) == REVERSE


def test_a_base_models_text_goes_on_from_its_prompt() -> None:
    text = "    return sum(xs)\n\n\ndef other():\n    pass\n"
    assert code_of(text, PROMPT, prefill=PROMPT) == WHOLE


@pytest.mark.parametrize("text", ["I cannot do that.", "", "Hello", "...", "\n\n"])
def test_text_without_code_gives_nothing(text: str) -> None:
    assert code_of(text) == ""


def test_broken_code_is_handed_on_for_the_judge_to_name_the_error() -> None:
    assert code_of("```python\ndef f(:\n    pass\n```") == "def f(:\n    pass"


def test_helpers_survive_a_cut() -> None:
    text = f"```python\n{REVERSE}\n\n\ndef longer(s):\n    return [x for x in\n"
    assert code_of(text) == REVERSE


def test_constants_and_helpers_after_the_function_are_kept_where_it_needs_them() -> None:
    code = "import os\n\n\ndef f(s):\n    return g(s) + K\n\n\ndef g(s):\n    return s\n\n\nK = 1"
    assert code_of(f"```\n{code}\nprint(f(1))\n```", entry_point="f") == code


def test_calls_before_the_function_are_kept() -> None:
    code = f"import sys\nsys.setrecursionlimit(10**6)\n\n{REVERSE}"
    assert code_of(f"```\n{code}\n```") == code


def test_the_block_with_the_entry_point_wins_over_a_longer_one() -> None:
    text = f"```\n{REVERSE}\n```\n```\ndef quite_long_other(s):\n    return s + s + s\n```"
    assert code_of(text, entry_point="reverse") == REVERSE


def test_the_last_of_several_solutions_wins() -> None:
    text = f"```\ndef reverse(s):\n    return s\n```\nNo, so:\n```\n{REVERSE}\n```"
    assert code_of(text, entry_point="reverse") == REVERSE


def test_an_earlier_block_that_defines_a_helper_is_put_first() -> None:
    helper, main = "def h(s):\n    return s", "def solve(s):\n    return h(s) + h(s)"
    text = f"First:\n```\n{helper}\n```\nthen:\n```\n{main}\n```"
    assert code_of(text) == f"{helper}\n\n\n{main}"


@pytest.mark.parametrize(
    "text",
    [
        "    return sum(xs)\n",
        "return sum(xs)",
        "```python\n    return sum(xs)\n```",
        "```python\nreturn sum(xs)\n```",
        "    return sum(xs)\n\n\ndef other():\n    pass\n\nprint(3)",
        "    return sum(xs)\n    x = (1,\n",
    ],
)
def test_a_body_goes_under_the_prompts_signature(text: str) -> None:
    assert code_of(text, PROMPT) == WHOLE


def test_a_body_whose_first_line_lacks_its_indentation_is_put_right() -> None:
    text = "t = 0\n    for x in xs:\n        t += x\n    return t"
    assert code_of(text, PROMPT) == f"{PROMPT}    {text}"


def test_the_body_of_a_method_goes_under_its_class() -> None:
    prompt = "class Solution:\n    def go(self, n: int) -> int:"
    assert code_of("        return n", prompt) == f"{prompt}\n        return n"


def test_an_import_of_the_prompt_is_kept_where_the_code_uses_it() -> None:
    code = code_of("```\ndef add(xs: List[int]) -> int:\n    return sum(xs)\n```", PROMPT)
    assert code.startswith("from typing import List\n\n\ndef add")


def test_a_function_of_the_prompt_is_kept_where_the_code_uses_it() -> None:
    prompt = 'def enc(s):\n    return s\n\n\ndef dec(s):\n    """Undo enc."""\n'
    assert code_of("```\ndef dec(s):\n    return enc(s)\n```", prompt) == (
        "def enc(s):\n    return s\n\n\ndef dec(s):\n    return enc(s)"
    )


def test_what_the_code_does_not_use_of_the_prompt_is_left_out() -> None:
    assert code_of("```\ndef add(xs):\n    return sum(xs)\n```", PROMPT).startswith("def add")


@pytest.mark.parametrize(
    "code",
    [
        "n = int(input())\nprint(n * 2)",
        "def main():\n    print(input())\n\n\nif __name__ == '__main__':\n    main()",
        "print(1)",
    ],
)
@pytest.mark.parametrize("form", ["```python\n{}\n```\nInput:\n```\n3 4\n```", "{}"])
def test_a_program_is_kept_whole(code: str, form: str) -> None:
    assert code_of(form.format(code), program=True) == code


@pytest.mark.parametrize(
    ("language", "tag"), [("javascript", "js"), ("cpp", "c++"), ("go", "golang"), ("java", "java")]
)
def test_other_languages_are_taken_from_their_own_fence(language: str, tag: str) -> None:
    text = f"```bash\na long command of many words\n```\nand\n```{tag}\nf() {{}}\n```"
    assert code_of(text, language=language) == "f() {}"


def test_a_large_broken_answer_is_done_with() -> None:
    code_of("```python\n" + "x = (1,\ndef f(:\n" * 20_000)


names = st.sampled_from(["solve", "helper", "other", "K", "data"])
expressions = st.sampled_from(["1", "K", "helper(2)", "[x for x in data]", "'```'", "'''a\nb'''"])
statements = st.builds("{} = {}".format, names, expressions) | st.builds(
    "def {}(a, b=1):\n    '''Say.\n\n    More.'''\n    return {}".format, names, expressions
)
modules = st.lists(statements, min_size=1, max_size=4).map(
    lambda parts: "\n\n\n".join(["import os", *parts, "def solve(a):\n    return a"])
)


@given(modules)
def test_fenced_code_without_tests_is_given_back_as_it_is(code: str) -> None:
    assert code_of(f"Here:\n~~~~python\n{code}\n~~~~\n", program=True) == code


@given(modules, st.booleans())
def test_extracting_twice_changes_nothing(code: str, program: bool) -> None:
    once = code_of(f"~~~~python\n{code}\n~~~~", program=program)
    assert code_of(f"~~~~python\n{once}\n~~~~", program=program) == once


@given(modules)
def test_what_is_extracted_still_ends_in_the_function(code: str) -> None:
    extracted = code_of(f"~~~~\n{code}\nprint(solve(1))\n~~~~", entry_point="solve")
    assert ast.dump(ast.parse(extracted).body[-1]) == ast.dump(ast.parse(code).body[-1])


fragments = st.sampled_from(
    ["```", "```python", "~~~", "\n", "def f(x):", "    return x", "return", "class A:", ">>> ",
     "print(1)", "if __name__ == '__main__':", "'''", '"', "(", "import os", "\t", "\\", "é", "\0",
     "nonlocal x", "yield", "\r", "\ud800", "* = 3", "# Test", " "]
)  # fmt: skip


@given(st.lists(fragments).map("".join) | st.text(), st.sampled_from(["", PROMPT, "Do f(x)"]))
def test_no_text_breaks_the_extraction(text: str, prompt: str) -> None:
    extract_code(Problem(prompt), text)
    extract_code(Problem(prompt, program=True), text, "```python\n")


@pytest.mark.parametrize("tail", ["`", "``", "x", "if __na", "print(", "Here is"])
def test_an_answer_ended_inside_the_line_after_the_function_gives_the_function(tail: str) -> None:
    problem = Problem('def rev(s):\n    """Reverse s."""\n')
    answer = f"def rev(s):\n    return s[::-1]\n{tail}"
    assert extract_code(problem, answer, "```python\n") == "def rev(s):\n    return s[::-1]"


def test_an_answer_that_opens_its_fence_again_is_read_the_same() -> None:
    problem = Problem("Reverse a string.", language="kotlin")
    answer = "```kotlin\nfun rev(s: String) = s.reversed()\n```"
    assert extract_code(problem, answer, "```kotlin\n") == "fun rev(s: String) = s.reversed()"
