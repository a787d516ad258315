"""Functions and spans of source files, in Python and by syntax trees."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest

from codelathe.metrics.codetree import parse
from codelathe.training.repository.choosing import choose_spans, worth_learning
from codelathe.training.repository.edits import commit_message, edit_rows
from codelathe.training.repository.options import LeftOut
from codelathe.training.repository.python import PythonSource
from codelathe.training.repository.rows import Function, fenced
from codelathe.training.repository.trees import TreeSource

PYTHON = '''
값 = "한국어"
class A:
    @property
    @wrapped(
        1)
    def method(self):
        """Do what is done
        here."""
        text = """
  kept as it is
    """
        return f"{text!r:>{값}}" + text


@first
def outer(numbers: list[int]) -> int:
    """Sum them, with care."""
    def inner(): """Nothing at all."""
    total = 0
    if numbers: total = sum(n for n in numbers if n); print(total)
    elif not numbers:
        raise ValueError("none")
    else:
        while total < 3: total += 1
    try:
        pass
    except KeyError as error:
        print(error, total)
    return total


def stub(a):
    """Say what it would do."""
    raise NotImplementedError("later")
'''


def functions(text: str) -> dict[str, Function]:
    return {f.name: f for f in PythonSource(text).functions()}


def test_functions_with_docstrings_that_do_something_are_found() -> None:
    assert list(functions(PYTHON)) == ["A.method", "outer"]


def test_decorators_belong_to_a_function() -> None:
    assert functions(PYTHON)["A.method"].code.startswith("@property\n@wrapped(\n    1)\ndef method")


def test_a_method_moved_to_the_left_does_the_same() -> None:
    code = functions(PYTHON)["A.method"].code
    inside = ast.parse(PYTHON).body[1]
    assert isinstance(inside, ast.ClassDef)
    (moved,), (method,) = ast.parse(code).body, inside.body
    assert isinstance(moved, ast.FunctionDef)
    assert isinstance(method, ast.FunctionDef)
    assert [ast.dump(s) for s in moved.body[1:]] == [ast.dump(s) for s in method.body[1:]]


def test_the_bare_function_is_the_function_without_its_docstring() -> None:
    for function in functions(PYTHON).values():
        (with_doc,), (bare,) = ast.parse(function.code).body, ast.parse(function.bare).body
        assert isinstance(with_doc, ast.FunctionDef)
        assert isinstance(bare, ast.FunctionDef)
        assert [ast.dump(s) for s in with_doc.body[1:]] == [ast.dump(s) for s in bare.body]


def test_a_function_that_is_found_within_a_condition_is_one() -> None:
    assert list(functions("if x:\n  def f():\n    'Say what it is.'\n    return 1\n")) == ["f"]


@pytest.mark.parametrize("path", ["", random.__file__], ids=["small", "random"])
def test_every_span_of_python_is_a_node_or_a_run_of_them(path: str) -> None:
    source = PythonSource(Path(path).read_text(encoding="utf-8") if path else PYTHON)
    kinds = set()
    for span in source.spans():
        kinds.add(span.kind)
        text = source.data[span.start : span.end].decode()
        if span.kind == "expression":
            ast.parse(f"({text})", mode="eval")
        elif not text.startswith("elif"):
            start = source.data.rfind(b"\n", 0, span.start) + 1
            lead = source.data[start : span.start].decode()
            margin = lead if not lead.strip() else ""
            ast.parse(f"if 1:\n{margin or ' '}{text}" if margin else text)
    assert kinds == {"body", "block", "statement", "expression"}


def test_chosen_spans_are_as_many_as_asked_for_and_none_twice() -> None:
    source = PythonSource(PYTHON * 20)
    chosen = choose_spans(source.spans(), source.data, 10, 0)
    assert len(chosen) == len({(s.start, s.end) for s in chosen}) == 60
    assert {s.kind for s in chosen} == {"body", "block", "statement", "expression"}


def test_no_span_is_chosen_where_none_is_asked_for() -> None:
    source = PythonSource(PYTHON)
    assert choose_spans(source.spans(), source.data, 0, 0) == []


@pytest.mark.parametrize(
    ("doc", "answer"),
    [
        ("Sum the numbers of a list.", True),
        ("Sum.", False),
        ("-" * 40, False),
        ("TODO sum it later", False),
    ],
)
def test_documentation_has_to_say_something(doc: str, answer: bool) -> None:
    code = "def f(x):\n    return x + 1 + 2 + 3\n"
    assert worth_learning(Function("f", "python", "", "", "def f(x):", code, code, doc)) is answer


def test_the_fence_around_code_is_longer_than_those_in_it() -> None:
    assert fenced("a\n```\nb\n```", "md").startswith("````md\n")


# Other languages

TREES = {
    "javascript": (
        "/**\n * Add two numbers.\n */\nexport function add(a, b) { return a + b; }\n"
        "// Not about it.\n\nfunction other() { return 1; }\n"
        "class Shop {\n  /** Sell one of them. */\n  sell(what) { return what - 1; }\n}\n"
        "/** Double a number. */\nconst twice = (x) => { return 2 * x; };\n",
        {"add": "Add two numbers.", "sell": "Sell one of them.", "twice": "Double a number."},
    ),
    "java": (
        "class Shop {\n  /**\n   * Sell one of them.\n   * @param n how many\n   */\n"
        "  @Deprecated\n  public int sell(int n) { return n - 1; }\n}\n",
        {"sell": "Sell one of them.\n@param n how many"},
    ),
    "go": (
        "package shop\n\n// Sell gives away\n// one of them.\nfunc (s *Shop) Sell(n int) int {\n"
        "\treturn n - 1\n}\n",
        {"Sell": "Sell gives away\none of them."},
    ),
    "rust": (
        "impl Shop {\n    /// Sell one\n    /// of them.\n    #[inline]\n"
        "    pub fn sell(&self, n: u32) -> u32 { n - 1 }\n}\n",
        {"sell": "Sell one\nof them."},
    ),
    "cpp": (
        "namespace shop {\n/// Sell one of them.\ntemplate <class T>\n"
        "T Shop::sell(T n) { if (n > 0) { return n - 1; } return n; }\n}\n",
        {"Shop::sell": "Sell one of them."},
    ),
    "c": ("/* Sell one of them. */\nint *sell(int *n) { return n - 1; }\n",
          {"sell": "Sell one of them."}),
}  # fmt: skip


def tree(language: str) -> TreeSource:
    pytest.importorskip(f"tree_sitter_{language}")
    return TreeSource(TREES[language][0], language, parse)


@pytest.mark.parametrize("language", TREES)
def test_a_function_with_a_comment_right_above_it_is_found(language: str) -> None:
    assert {f.name: f.doc for f in tree(language).functions()} == TREES[language][1]


@pytest.mark.parametrize("language", TREES)
def test_every_span_of_a_tree_is_in_the_file(language: str) -> None:
    source = tree(language)
    spans = list(source.spans())
    assert {"body", "statement"} & {span.kind for span in spans}
    assert all(0 <= s.start < s.end <= len(source.data) for s in spans)


def test_a_method_comes_with_its_class() -> None:
    (function,) = tree("rust").functions()
    assert function.classes == "impl Shop {"
    assert function.header.endswith("    #[inline]\n    pub fn sell(&self, n: u32) -> u32")
    assert function.code == "pub fn sell(&self, n: u32) -> u32 { n - 1 }"


# Commits


def test_a_message_is_read_in_the_encoding_that_its_commit_names() -> None:
    content = b"tree 0\nencoding EUC-KR\n\n" + "첫 번째 줄을 고쳐 쓴다".encode("euc-kr")
    assert commit_message(content) == "첫 번째 줄을 고쳐 쓴다"


def test_what_reviewers_add_to_a_message_is_left_out() -> None:
    content = (
        b"tree 0\n\nSay it better than before\n\nWhy: it was bad.\n\nReviewed-by: Ann\nCc: b\n"
    )
    assert commit_message(content) == "Say it better than before\n\nWhy: it was bad."


def test_a_message_that_cannot_be_read_is_left_out() -> None:
    with pytest.raises(LeftOut):
        commit_message(b"tree 0\n\n\xff\xfe and so on and so on")


def test_each_function_that_changed_is_a_row_of_its_own() -> None:
    before = "def a():\n    return 1\n\n\ndef b():\n    return 2\n\n\ndef c():\n    return 3\n"
    after = before.replace("1", "10").replace("3", "30") + "\n\ndef d():\n    return 4\n"
    rows = list(edit_rows("Multiply by ten", before, after, "python"))
    shown = [row.content["messages"][1]["content"] for row in rows]
    assert shown == [
        f"```python\ndef {n}():\n    return {v}\n```" for n, v in (("a", 10), ("c", 30))
    ]


def test_a_change_that_is_too_wide_is_no_row() -> None:
    before = "\n".join(f"x{n} = {n}" for n in range(200))
    assert not list(edit_rows("Change it all", before, before.replace(" = ", " = 1"), "python"))
