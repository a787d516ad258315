"""Lines are named, checked, and grouped into parts and pieces."""

from __future__ import annotations

import inspect
import textwrap
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import codelathe.text.extraction
import codelathe.text.passages
from codelathe.core.errors import ProblemError
from codelathe.text.explaining import Question, asks
from codelathe.text.passages import (
    Passage,
    check_lines,
    parse_selection,
    parts,
    pieces,
    split_lines,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.py", ("a.py", None)),
        ("a.py:10", ("a.py", Passage(10, 10))),
        ("a.py:10-20", ("a.py", Passage(10, 20))),
        ("dir:2/a.py:3", ("dir:2/a.py", Passage(3, 3))),
        ("a.py:x", ("a.py:x", None)),
        ("-", ("-", None)),
        ("-:2-3", ("-", Passage(2, 3))),
    ],
)
def test_a_selection_names_a_file_and_lines(
    text: str, expected: tuple[str, Passage | None]
) -> None:
    assert parse_selection(text) == expected


@pytest.mark.parametrize("text", ["a.py:0", "a.py:0-3", "a.py:5-4"])
def test_lines_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ProblemError, match="does not name lines"):
        parse_selection(text)


def test_lines_beyond_the_end_are_refused_with_the_number_there_is() -> None:
    with pytest.raises(ProblemError, match=r"line 4 is asked for, and a\.py has 3 lines"):
        check_lines("a\r\nb\rc\n", Passage(2, 4), "a.py")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", []),
        ("x = 1\ny = 2\n", ["1-2"]),
        ("x = 1\n\n\ny = 2\n", ["1", "4"]),
        ("a\nb\nc\nd\ne\n", ["1-4", "5"]),
        ("def f(): return 1\n", ["1"]),
        ("@d\ndef f():\n    x\n", ["1-3"]),
        ("def f(a,\n      b):\n    'd'\n    x\n    for i in b:\n        y\n", ["1-3", "4", "5-6"]),
        ("if a:\n    b\nelse:\n    c\n", ["1-4"]),
        (f"try:\n{'    a()' + chr(10)}except E:\n    b\n" + "", ["1-4"]),
        (f"if a:\n{chr(10).join(['    b'] * 9)}\nelse:\n    c\n", ["1", "2-5", "6-9", "10", "12"]),
    ],
)
def test_python_falls_into_statements(code: str, expected: list[str]) -> None:
    assert [str(part) for part in parts(code, "python")] == expected


@pytest.mark.parametrize("module", [codelathe.text.passages, codelathe.text.extraction])
def test_parts_follow_each_other_and_overlap_nowhere(module: object) -> None:
    found = parts(inspect.getsource(module), "python")  # type: ignore[arg-type]
    assert all(one.last < other.first for one, other in pairwise(found))


lines = st.lists(
    st.sampled_from(["x = 1", "def f():", "    y = 2", "", "    if y:", "        z()", "# c", "  "])
)


@given(lines, st.sampled_from(["python", "go"]), st.integers(5, 60))
def test_pieces_cover_all_that_is_written_and_overlap_nowhere(
    written: list[str], language: str, limit: int
) -> None:
    code = textwrap.dedent("\n".join(written))
    found = pieces(code, language, limit)
    numbers = [n for piece in found for n in range(piece.first, piece.last + 1)]
    all_lines = split_lines(code)
    assert numbers == sorted(set(numbers))
    assert {n for n, line in enumerate(all_lines, 1) if line.strip()} <= set(numbers)
    for piece in found:
        size = sum(len(line) + 1 for line in all_lines[piece.first - 1 : piece.last])
        assert size <= limit or piece.first == piece.last


def test_a_piece_begins_where_a_part_begins() -> None:
    code = "\n".join(f"def f{i}():\n    a = {i}\n    return a\n" for i in range(6))
    starts = {part.first for part in parts(code, "python")}
    assert {piece.first for piece in pieces(code, "python", 80)} <= starts


def test_a_file_of_many_functions_is_split_once() -> None:
    """Each question shows a few lines of the whole; splitting it for each was quadratic."""
    code = "".join(f"def f{i}(x):\n    return x + {i}\n\n" for i in range(500))
    split_lines.cache_clear()
    found = asks(Question(code, "docstring"))
    assert len(found) == 500
    assert split_lines.cache_info().misses == 1
