"""Docstrings are put in place, and nothing else of the source changes."""

from __future__ import annotations

import ast
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.errors import ProblemError
from codelathe.text.docstrings import (
    Docstring,
    definitions,
    plain_text,
    without_docstrings,
    write_docstrings,
)


def documented(source: str, text: str = "Say.") -> str:
    """`source` with `text` for every function and class."""
    return write_docstrings(source, [Docstring(d.name, d.line, text) for d in definitions(source)])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    return 1\n", 'def f():\n    """Say."""\n    return 1\n'),
        ("def f(): return 1", 'def f():\n    """Say."""\n    return 1'),
        ("def f(): a = 1; return a  # c\n", 'def f():\n    """Say."""\n    a = 1; return a  # c\n'),
        ("class A: pass\n", 'class A:\n    """Say."""\n    pass\n'),
        (
            "def f():  # why\n    # then\n    pass\n",
            'def f():  # why\n    """Say."""\n    # then\n    pass\n',
        ),
        ("def f():\n\tpass\n", 'def f():\n\t"""Say."""\n\tpass\n'),
        ("def f():\r\n    pass\r\n", 'def f():\r\n    """Say."""\r\n    pass\r\n'),
        ("def f():\r    pass\r", 'def f():\r    """Say."""\r    pass\r'),
        ("def f():\n    'old'\n    pass", 'def f():\n    """Say."""\n    pass'),
        ("def f(): 'old'", 'def f(): """Say."""'),
        ("def f():\n    ('old'\n     'er')\n", 'def f():\n    ("""Say.""")\n'),
        ("@d(\n  1)\ndef f():\n    pass", '@d(\n  1)\ndef f():\n    """Say."""\n    pass'),
        ("async def f():\n  pass", 'async def f():\n  """Say."""\n  pass'),
        ("def f(\n    a,\n):\n    pass", 'def f(\n    a,\n):\n    """Say."""\n    pass'),
        (
            "def f(a=lambda: {1: 2}): return a",
            'def f(a=lambda: {1: 2}):\n    """Say."""\n    return a',
        ),
        ("def f() -> 'x: y':\n    pass", 'def f() -> \'x: y\':\n    """Say."""\n    pass'),
        ("def f() -> lambda: 1: return 2", 'def f() -> lambda: 1:\n    """Say."""\n    return 2'),
        ("def f(): \\\n    return 1", 'def f():\n    """Say."""\n    return 1'),
        (
            "def f():\n    @d\n    def g(): pass",
            'def f():\n    """Say."""\n    @d\n    def g():\n        """Say."""\n        pass',
        ),
        (
            "if x:\n  class A:\n    def f(self): ...\n",
            'if x:\n  class A:\n    """Say."""\n    def f(self):\n      """Say."""\n      ...\n',
        ),
        ("def 함수(가='나'): return 가", 'def 함수(가=\'나\'):\n    """Say."""\n    return 가'),
        (
            "x = '가'; y = 1\ndef f():\n    pass",
            'x = \'가\'; y = 1\ndef f():\n    """Say."""\n    pass',
        ),
    ],
)
def test_a_docstring_goes_where_it_belongs(source: str, expected: str) -> None:
    assert documented(source) == expected


@pytest.mark.parametrize(
    "text",
    [
        r"A \d and a \n.", "It's \"quoted\"", 'Ends with "', 'Ends with \\"', "Ends with \\",
        'Holds """ three', '""""', "'''", "\\", '\\"""', "한글 설명입니다.", "a\tb", "{braces} %s",
        "First.\n\nArgs:\n    x: one\n        deeper\n\nReturns:\n    two", r"\N{BULLET} \u1234 \x",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "source", ["def f():\n    pass\n", "class A:\n  def f(self): return '\"'\n"]
)
def test_a_text_reads_as_it_was_given(source: str, text: str) -> None:
    nodes = ast.walk(ast.parse(documented(source, text)))
    told = [ast.get_docstring(node) for node in nodes if isinstance(node, ast.FunctionDef)]
    assert told == [plain_text(text)]


def test_further_lines_are_indented_like_the_body() -> None:
    assert documented("def f():\n  pass\n", "One.\n\nTwo.") == (
        'def f():\n  """One.\n\n  Two.\n  """\n  pass\n'
    )


def test_long_lines_are_broken() -> None:
    result = documented("def f():\n    pass\n", "word " * 60)
    assert max(map(len, result.split("\n"))) <= 88


def test_lines_of_a_doctest_are_not_broken() -> None:
    text = f"Do.\n\n>>> f({'1 + ' * 40}1)"
    assert text.split("\n")[-1] in documented("def f():\n    pass\n", text)


def test_only_those_asked_for_are_replaced() -> None:
    source = "def f():\n    'old f'\n\ndef g():\n    'old g'\n"
    assert write_docstrings(source, [Docstring("g", 4, "New.")]) == (
        'def f():\n    \'old f\'\n\ndef g():\n    """New."""\n'
    )


def test_functions_of_one_name_are_told_apart_by_their_lines() -> None:
    source = "def f():\n    pass\ndef f():\n    pass\n"
    assert write_docstrings(source, [Docstring("f", 3, "Second.")]).count('"""Second."""') == 1


def test_a_function_that_is_not_there_is_refused() -> None:
    with pytest.raises(ProblemError, match="no g in line 1"):
        write_docstrings("def f(): pass", [Docstring("g", 1, "x")])


@pytest.mark.parametrize("source", ["def f(:", "print 1", "x\0", "\ufeff\ufeffx"])
def test_what_is_no_python_is_refused(source: str) -> None:
    with pytest.raises(ProblemError, match="not Python"):
        definitions(source)


def test_an_empty_text_changes_nothing() -> None:
    assert documented("def f(): pass", " \n ") == "def f(): pass"


def test_odd_characters_of_a_text_are_left_out() -> None:
    assert '"""ab."""' in documented("def f():\n    pass\n", "a\0\x1b\ud800b.")


def test_definitions_are_named_by_their_path() -> None:
    source = "class A:\n    def f(self):\n        def g(): 'd'\n@x\ndef h(): pass\n"
    found = [(d.name, d.kind, d.line, d.first, d.documented) for d in definitions(source)]
    assert found == [
        ("A", "class", 1, 1, False),
        ("A.f", "function", 2, 2, False),
        ("A.f.g", "function", 3, 3, True),
        ("h", "function", 5, 4, False),
    ]


margins = st.sampled_from(["  ", "    ", "\t"])
ends = st.sampled_from(["\n", "\r\n", "\r"])
headers = st.sampled_from(
    ["def f{}(a, b={{1: 2}})", "async def f{}()", "class C{}", "def f{}(\n  a,  # c: d\n)",
     "@d\ndef f{}(a) -> 'x: y'", "def f{}(a=lambda x: x[1:2], *, k: int = 1)", "class 이름{}(A)"]
)  # fmt: skip
simple = st.sampled_from(
    ["pass", "...", "x = 1; y = 2", "'doc'", "r'''d\n  oc'''", "x = '''\n# no\n'''", "f'{1}'",
     "if 1: pass", "'a' 'b'", "# remark\n{}x = {{\n1: 2}}", "'''문서'''  # 끝", "x = (1,\n2)"]
)  # fmt: skip


@st.composite
def sources(draw: st.DrawFn, depth: int = 0, margin: str = "") -> str:
    """Python with functions and classes in many layouts."""
    unit = (
        draw(margins)
        if not margin
        else margin[:1] * (1 if margin[0] == "\t" else len(margin) // depth)
    )
    parts = []
    for number in range(draw(st.integers(1, 2))):
        header = draw(headers).format(number).replace("\n", f"\n{margin}")
        if draw(st.integers(0, 3)) == 0:
            parts.append(
                f"{margin}{header}: {draw(st.sampled_from(['pass', '...', 'x = 1; y = 2']))}\n"
            )
            continue
        inner = margin + unit
        body = f"{inner}{draw(simple).replace('{}', inner).replace('{{', '{').replace('}}', '}')}\n"
        if depth < 2 and draw(st.booleans()):
            body += draw(sources(depth + 1, inner))
        remark = draw(st.sampled_from(["", "  # why: so", "\n" + inner + "# first"]))
        parts.append(f"{margin}{header}:{remark}\n{body}")
    return "".join(parts)


@given(sources(), ends, st.text() | st.sampled_from(['a"', "\\", '"""', "x\n  y\n\nz " * 9]))
def test_only_docstrings_differ_in_the_tree(source: str, end: str, text: str) -> None:
    source = source.replace("\n", end)
    result = documented(source, text)
    before, after = ast.parse(source), ast.parse(result)
    if plain_text(text):
        for node in ast.walk(after):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                words = inspect.cleandoc(ast.get_docstring(node) or "").split()
                assert words == plain_text(text).split()
    assert ast.dump(without_docstrings(before)) == ast.dump(without_docstrings(after))


@given(sources(), ends)
def test_all_other_lines_stay_as_they_are(source: str, end: str) -> None:
    source = source.replace("\n", end)
    undocumented = [d for d in definitions(source) if not d.documented]
    result = write_docstrings(source, [Docstring(d.name, d.line, "@@@") for d in undocumented])
    rest = [line for line in result.split(end) if line.strip() != '"""@@@"""']
    assert "".join("".join(rest).split()) == "".join(source.split())


@given(sources())
def test_writing_the_same_docstrings_twice_changes_nothing(source: str) -> None:
    once = documented(source, "One.\n\nTwo.")
    assert documented(once, "One.\n\nTwo.") == once
