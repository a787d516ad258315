"""Samples files: what is read of them, and how those that cannot be used are refused."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from pathlib import Path

import pytest

from codelathe.core.errors import ProblemError
from codelathe.evaluation.samples import LINE_BYTES, read_samples, take_census
from fakes.judging import made_up

TOY = made_up()
GOOD = b'{"task_id": "Toy/0", "completion": "x"}\n'


def written(folder: Path, data: bytes, name: str = "samples.jsonl") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_completion_goes_on_from_the_prefix_of_its_task(tmp_path: Path) -> None:
    (sample,) = read_samples(written(tmp_path, GOOD), TOY)
    assert sample.code == "# problem 0\nx"


def test_a_solution_is_the_whole_program(tmp_path: Path) -> None:
    line = b'{"task_id": "Toy/0", "solution": "y", "completion": "x"}'
    (sample,) = read_samples(written(tmp_path, line), TOY)
    assert sample.code == "y"


def test_samples_are_counted_within_their_task_in_the_order_of_the_file(tmp_path: Path) -> None:
    lines = [{"task_id": f"Toy/{i}", "completion": ""} for i in (1, 0, 1, 1, 0)]
    data = "\n".join(map(json.dumps, lines)).encode()
    samples = read_samples(written(tmp_path, data), TOY)
    assert [(s.task_id[-1], s.number) for s in samples] == [
        ("1", 0), ("0", 0), ("1", 1), ("1", 2), ("0", 1)
    ]  # fmt: skip


def test_a_gzipped_file_is_the_same_file(tmp_path: Path) -> None:
    plain = written(tmp_path, GOOD * 3)
    packed = written(tmp_path, gzip.compress(GOOD * 3), "samples.jsonl.gz")
    assert take_census(plain, TOY) == take_census(packed, TOY)


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf" + GOOD, b"\n  \n" + GOOD, GOOD.rstrip()])
def test_marks_blank_lines_and_a_missing_last_newline_do_not_matter(
    data: bytes, tmp_path: Path
) -> None:
    assert take_census(written(tmp_path, data), TOY).samples == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{'task_id': 1}", "line 2 is not JSON"),
        (b"[" * 100_000, "line 2 is not JSON"),
        (b"[1]", "line 2 is no object"),
        (b'{"completion": "x"}', "line 2 has no task_id"),
        (b'{"task_id": null, "completion": "x"}', "line 2: unknown task id 'None'"),
        (b'{"task_id": "Toy/7", "completion": "x"}', "line 2: unknown task id 'Toy/7'"),
        (b'{"task_id": "Toy/1"}', "line 2 has neither completion nor solution"),
        (b'{"task_id": "Toy/1", "solution": 1}', "line 2 has a solution that is no text"),
        (b'{"task_id": "Toy/1", "completion": "\xbe"}', "line 2 is not UTF-8: byte 0xbe at 36"),
        ("뒤집기".encode("euc-kr"), "line 2 is not UTF-8"),
        (b"x" * (LINE_BYTES + 1), "line 2 is longer than 16 MiB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "line",
)
def test_a_line_that_is_no_sample_is_refused_with_its_number(
    line: bytes, told: str, tmp_path: Path
) -> None:
    with pytest.raises(ProblemError) as error:
        take_census(written(tmp_path, GOOD + line + b"\n" + GOOD), TOY)
    assert told in error.value.message
    assert error.value.hint


def test_the_ids_nearest_to_an_unknown_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(ProblemError) as error:
        take_census(written(tmp_path, GOOD.replace(b"Toy/0", b"Tyo/0")), TOY)
    assert "Toy/0" in error.value.hint


def test_a_line_of_100_mb_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    with path.open("wb") as file:
        file.write(GOOD)
        file.truncate(100 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(ProblemError, match="line 2 is longer"):
            take_census(path, TOY)
        assert tracemalloc.get_traced_memory()[1] < 4 * LINE_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "name", "told"),
    [
        (b"", "s.jsonl", "holds no sample"),
        (b"\n\n", "s.jsonl", "holds no sample"),
        (GOOD, "s.jsonl.gz", "cannot read"),
        (gzip.compress(GOOD * 9)[:-9], "s.jsonl.gz", "damaged"),
    ],
)
def test_a_file_without_samples_is_refused(
    data: bytes, name: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(ProblemError, match=told):
        take_census(written(tmp_path, data, name), TOY)


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ProblemError, match="read twice"):
        take_census(tmp_path / "pipe", TOY)


@pytest.mark.parametrize(("name", "told"), [("absent", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_refused(name: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=told):
        take_census(tmp_path / name, TOY)
