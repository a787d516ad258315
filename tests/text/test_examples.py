"""Examples as users write them become values, or errors that point at the place."""

from __future__ import annotations

import contextlib
import json
import math
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.errors import ProblemError
from codelathe.core.problem import CallExample, StdioExample
from codelathe.text.examples import load_examples_file, parse_call_example, parse_examples

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.sets(st.integers() | st.text())
        | st.frozensets(st.integers())
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("written", "args", "kwargs"),
    [
        ("'hello'", ("hello",), {}),
        ("[1, 2], k=3", ([1, 2],), {"k": 3}),
        ("(1, 2)", ((1, 2),), {}),
        ("1, 2", (1, 2), {}),
        ("1,", (1,), {}),
        ("", (), {}),
        ("  ", (), {}),
        ("-1, +2.5, 1-2j", (-1, 2.5, 1 - 2j), {}),
        ("set(), {1}, frozenset({2})", (set(), {1}, frozenset({2})), {}),
        ("float('-inf'), inf, -inf", (-math.inf, math.inf, -math.inf), {}),
        ("'a' 'b', b'x'", ("ab", b"x"), {}),
        ("{'a': [1, {2: (3,)}]}", ({"a": [1, {2: (3,)}]},), {}),
        ("true, false, null", (True, False, None), {}),
        ("[1,\n 2]  # two", ([1, 2],), {}),
        ("'안녕'", ("안녕",), {}),
        (r"'\d'", (r"\d",), {}),
    ],
)
def test_an_input_is_read_as_the_arguments_of_a_call(
    written: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    example = parse_call_example(written, "0")
    assert (example.args, example.kwargs) == (args, kwargs)


def test_nan_is_read_as_a_float() -> None:
    assert math.isnan(parse_call_example("", "nan").value)


@given(values)
def test_every_value_that_python_writes_is_read_back(value: Any) -> None:
    example = parse_call_example(f"{value!r}, key={value!r}", repr(value))
    assert (example.args, example.kwargs, example.value) == ((value,), {"key": value}, value)


@given(st.text(), st.text())
def test_any_text_gives_an_example_or_a_problem_error(given: str, expected: str) -> None:
    with contextlib.suppress(ProblemError):
        parse_call_example(given, expected)


def test_an_example_keeps_what_was_written() -> None:
    example = parse_call_example(" 'a' ", "[ 1 ]")
    assert (example.input, example.expected) == (" 'a' ", "[ 1 ]")


@pytest.mark.parametrize(
    "written",
    [
        "range(3)", "[1] + [2]", "*[1]", "**{'a': 1}", "1)(2", "1), _(2", "f'{1}'", "...", "{[1]}",
        "a=1, a=2", "lambda: 1", "[x for x in 'a']", "__import__('os')", "'a", "[1, 2", "3 4",
        "1\0", "'\ud800'", "[" * 500, "-" * 5000 + "1", "9" * 5000, "1; 2", "x := 1",
        "float('abc')", "True + 1j",
    ],
)  # fmt: skip
def test_what_is_no_literal_is_refused(written: str) -> None:
    with pytest.raises(ProblemError):
        parse_call_example(written, "1")


@pytest.mark.parametrize("word", ["hello", "hello world", "안녕"])
def test_a_bare_word_gets_the_advice_to_quote_it(word: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_call_example(word, "1")
    assert repr(word) in caught.value.hint


def test_the_error_names_the_example_the_side_and_the_column() -> None:
    with pytest.raises(ProblemError, match=r"example 2, output: .* \(column 8\)"):
        parse_examples(["1", "1"], ["1", "[1, 2, x]"])


def test_the_caret_stands_under_the_fault_after_wide_characters() -> None:
    with pytest.raises(ProblemError) as caught:
        parse_call_example("['안녕', x]", "1")
    line, caret = caught.value.message.split("\n")[1:]
    assert line == "    ['안녕', x]"
    assert caret == " " * (4 + len("['안녕', ") + 2) + "^"


def test_an_empty_output_is_refused() -> None:
    with pytest.raises(ProblemError, match="output: it is empty"):
        parse_call_example("1", "  ")


@pytest.mark.parametrize(("inputs", "outputs"), [(["1", "2"], ["1"]), (["1"], ["1", "2"])])
def test_unequal_counts_are_refused_with_both_counts(inputs: list[str], outputs: list[str]) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_examples(inputs, outputs)
    numbers = {int(word) for word in caught.value.message.split() if word.isdigit()}
    assert numbers == {1, 2}


def test_the_examples_of_a_program_are_plain_text() -> None:
    assert parse_examples(["3 4\n"], ["7"], program=True) == (StdioExample("3 4\n", "7"),)


def test_parsing_gives_no_warnings_for_odd_escapes() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parse_call_example(r"'\w'", r"'\w'")


def test_a_file_of_json_lines_is_read() -> None:
    text = '\ufeff{"input": "1, 2", "output": "3"}\r\n\n{"output": "\'a\'", "input": ""}\n'
    assert load_examples_file(text) == (
        CallExample("1, 2", "3", (1, 2), 3),
        CallExample("", "'a'", (), "a"),
    )


def test_a_json_array_is_read() -> None:
    text = '[\n  {"input": "1", "output": "2"},\n  {"input": "3", "output": "4"}\n]\n'
    assert [e.input for e in load_examples_file(text)] == ["1", "3"]


def test_other_json_values_are_taken_as_they_are() -> None:
    (example,) = load_examples_file('{"input": [1, null], "output": true}')
    assert isinstance(example, CallExample)
    assert (example.args, example.value) == (([1, None],), True)


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1), st.booleans())
def test_any_texts_of_a_program_come_back_from_the_file(
    pairs: list[tuple[str, str]], as_array: bool
) -> None:
    records = [{"input": given, "output": expected} for given, expected in pairs]
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    text = f"[{','.join(lines)}]" if as_array else "\n".join(lines)
    assert load_examples_file(text, program=True) == tuple(StdioExample(*p) for p in pairs)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"input": "1", "output": "1"}\n{"input": "1"}', 2),
        ('{"input": "1", "output": "1"}\n\n{"input": "x", "output": "1"}', 3),
        ('{"input": "1", "output": "1"}\n{oops', 2),
        ('[{"input": "1", "output": "1"},\n{"input": "x", "output": "1"}]', 2),
        ('[{"input": "1", "output": "1"}\n {"input": "1", "output": "1"}]', 2),
        ('[\n{"input": "1", "output": "1"},\n{"input": }]', 3),
        ('[{"input": "1", "output": "1"}]\n]', 2),
        ("[1]", 1),
        ("[" * 100_000, 1),
    ],
)
def test_an_error_in_a_file_names_its_line(text: str, line: int) -> None:
    with pytest.raises(ProblemError, match=f"line {line}:"):
        load_examples_file(text)


@pytest.mark.parametrize("text", ["", "  \n", "[]"])
def test_a_file_without_examples_is_refused(text: str) -> None:
    with pytest.raises(ProblemError, match="no example"):
        load_examples_file(text)


def test_a_program_takes_no_numbers() -> None:
    with pytest.raises(ProblemError, match="line 1: example 1, output"):
        load_examples_file('{"input": "1", "output": 2}', program=True)


def test_a_large_array_is_read_in_proportion_to_its_size() -> None:
    """Counting each example's line from the start took minutes for this file."""
    record = json.dumps({"input": repr("x" * 1000), "output": "1"})
    text = "[" + ",\n".join([record] * 20_000) + ",\n{}]"
    with pytest.raises(ProblemError, match=r"examples file, line 20001: .*not empty"):
        load_examples_file(text)


@pytest.mark.parametrize("record", ["[" * 100_000, '{"input": ' + "9" * 5000 + "}"])
def test_json_that_python_will_not_read_is_told_as_such(record: str) -> None:
    with pytest.raises(ProblemError, match="line 1: not JSON"):
        load_examples_file(record)
