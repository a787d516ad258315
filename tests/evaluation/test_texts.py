"""Files of texts: what is read in them, what pairs up, and what is told of those that do not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.errors import ProblemError, UsageError
from codelathe.evaluation.texts import TextFile, read_pairs

PLAIN = Path("plain.txt")


@pytest.fixture(autouse=True)
def plain() -> None:
    """One plain text, to pair others with."""
    PLAIN.write_text("x\n")


def rows(path: str, *objects: Any) -> Path:
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in objects))
    return Path(path)


def predicted(path: Path) -> TextFile:
    """`path` read as predictions, beside as many references."""
    count = len(path.read_bytes().splitlines())
    return read_pairs(path, rows("beside.jsonl", *[{"reference": "x"}] * count))[0]


def wanted(path: Path) -> TextFile:
    return read_pairs(PLAIN, path)[1]


def texts(file: TextFile) -> list[tuple[str, ...]]:
    return [row.texts for row in file.rows]


def test_plain_text_is_a_text_a_line() -> None:
    Path("p.txt").write_text("a b\n\n  c\n")
    assert texts(predicted(Path("p.txt"))) == [("a b",), ("",), ("  c",)]


@pytest.mark.parametrize("content", [b"a\r\nb\r\n", b"\xef\xbb\xbfa\nb", gzip.compress(b"a\nb\n")])
def test_line_ends_a_byte_order_mark_and_gzip_are_no_text(content: bytes) -> None:
    Path("r.txt").write_bytes(content)
    Path("p.txt").write_text("1\n2\n")
    assert texts(read_pairs(Path("p.txt"), Path("r.txt"))[1]) == [("a",), ("b",)]


def test_characters_that_look_like_line_ends_do_not_split_a_text() -> None:
    Path("p.txt").write_text("a\x0bb\u2028c\x85d\n", encoding="utf-8")
    assert texts(predicted(Path("p.txt"))) == [("a\x0bb\u2028c\x85d",)]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"text": "a", "prediction": "b", "completion": "c"}, "prediction"),
        ({"completion": "a", "solution": "b"}, "solution"),
        ({"text": "a", "completion": "b"}, "completion"),
        ({"text": "a", "reference": "b"}, "text"),
    ],
)
def test_of_several_fields_with_a_prediction_the_first_is_read(
    row: dict[str, str], field: str
) -> None:
    found = predicted(rows("p.jsonl", row))
    assert (found.field, texts(found)) == (field, [(row[field],)])


@pytest.mark.parametrize("field", ["references", "reference", "canonical_solution", "text"])
@pytest.mark.parametrize("value", ["a", ["a", "b"]])
def test_a_reference_is_a_text_or_several(field: str, value: str | list[str]) -> None:
    found = wanted(rows("r.jsonl", {field: value}))
    assert (found.field, texts(found)) == (field, [tuple(value)])


def test_blank_lines_between_objects_are_no_rows() -> None:
    Path("p.jsonl").write_text('\n{"text": "a"}\n\n{"text": "b"}\n')
    Path("r.txt").write_text("a\nb\n")
    assert [row.line for row in read_pairs(Path("p.jsonl"), Path("r.txt"))[0].rows] == [2, 4]


def test_one_file_may_hold_both_sides() -> None:
    both = rows("both.jsonl", {"prediction": "a", "reference": "b"})
    given, right = read_pairs(both, both)
    assert (texts(given), texts(right)) == ([("a",)], [("b",)])


def test_objects_with_a_known_field_are_read_as_such_under_any_name() -> None:
    assert predicted(rows("answers.out", {"prediction": "a"})).field == "prediction"


def test_lines_that_happen_to_be_objects_stay_plain_text() -> None:
    found = predicted(rows("answers.txt", {"x": 1}))
    assert (found.field, texts(found)) == ("", [('{"x": 1}',)])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no text"),
        (b"\n \n", "holds no text"),
        (b"hello\n", "line 1 is not JSON"),
        (b'{"text": "a"}\n["b"]\n', "line 2 is no object"),
        (b'["a", "b"]\n', "line 1 is no object"),
        (b'{"txt": "a"}\n', "line 1 has none of the fields prediction, solution"),
        (b'{"text": "a"}\n{"completion": "b"}\n', "line 2 has no 'text', which the first"),
        (b'{"text": 3}\n', "line 1 has a 'text' that is no text"),
        (b'{"text": null}\n', "line 1 has a 'text' that is no text"),
        (b'{"text": ["a"]}\n', "line 1 has a 'text' that is no text"),
        (b'{"text": "\\ud800"}\n', "line 1 has half a surrogate pair"),
        (b'{"text": "a"}\n{"text": "\xff"}\n', "line 2 is not UTF-8: byte 0xff at 10"),
        (b"[" * 100_000, "line 1 is not JSON"),
        (gzip.compress(b"a")[:-9], "cannot be unpacked"),
    ],
)
def test_a_faulty_file_of_predictions_is_told_with_the_line(content: bytes, told: str) -> None:
    Path("p.jsonl").write_bytes(content)
    with pytest.raises(ProblemError) as caught:
        read_pairs(Path("p.jsonl"), PLAIN)
    assert f"p.jsonl{',' if told.startswith('line') else ''} {told}" in caught.value.message


@pytest.mark.parametrize(
    ("value", "told"),
    [([], "has no text in 'references'"), (["a", 3], "is no text"), ({"a": 1}, "is no text")],
)
def test_a_faulty_reference_is_told_with_the_line(value: Any, told: str) -> None:
    with pytest.raises(ProblemError, match=f"line 1 .*{told}"):
        wanted(rows("r.jsonl", {"references": value}))


@pytest.mark.parametrize(("name", "told"), [("none.txt", "No such file"), (".", "Is a directory")])
def test_what_cannot_be_read_is_told(name: str, told: str) -> None:
    with pytest.raises(ProblemError, match=told):
        read_pairs(Path(name), PLAIN)


def test_files_of_other_lengths_are_told_with_the_first_line_that_is_alone() -> None:
    Path("p.txt").write_text("a\nb\nc\n")
    with pytest.raises(UsageError, match=r"3 rows and plain\.txt has 1 row:.*line 2 of p\.txt"):
        read_pairs(Path("p.txt"), PLAIN)


def test_rows_of_other_tasks_do_not_pair_up() -> None:
    given = rows("p.jsonl", {"task_id": "A", "text": "a"}, {"task_id": "B", "text": "a"})
    right = rows("r.jsonl", {"task_id": "A", "text": "a"}, {"task_id": "C", "text": "a"})
    with pytest.raises(UsageError, match="line 2 is of the task 'B'"):
        read_pairs(given, right)


def test_a_task_may_have_the_number_0() -> None:
    given, right = (rows(f"{n}.jsonl", {"task_id": n, "text": "a"}) for n in (0, 1))
    with pytest.raises(UsageError, match="line 1 is of the task '0'"):
        read_pairs(given, right)


def test_a_task_that_only_one_side_names_is_no_fault() -> None:
    assert predicted(rows("p.jsonl", {"task_id": 7, "text": "a"})).rows[0].task_id == "7"
