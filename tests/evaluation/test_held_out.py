"""Rows that were held out, as problems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codelathe.evaluation.held_out import HELD_OUT, write_held_out
from codelathe.training.data.forms import Former
from codelathe.training.data.rows import Fault, Row

PROVED = {
    "instruction": "Write f.", "output": "def f():\n    return 1", "entry_point": "f",
    "tests": "assert f() == 1",
}  # fmt: skip


def row(line: int = 1, **fields: Any) -> Row:
    read = Former().read({**PROVED, **fields}, "rows.jsonl", line)
    assert not isinstance(read, Fault)
    return read.row


def problems(folder: Path, *rows: Row) -> list[dict[str, str]]:
    assert write_held_out(rows, folder) == len(rows)
    return [json.loads(line) for line in (folder / HELD_OUT).read_text().splitlines()]


def test_a_row_with_tests_is_asked_in_its_own_words(tmp_path: Path) -> None:
    assert problems(tmp_path, row(id="a")) == [
        {"id": "a", "prompt": "Write f.", "entry_point": "f", "tests": "assert f() == 1"}
    ]


def test_tests_may_be_a_list(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, row(tests=["assert f() == 1", "assert f() != 2"]))
    assert found["tests"] == "assert f() == 1\nassert f() != 2"


def test_a_chat_of_one_question_is_a_problem(tmp_path: Path) -> None:
    chat = {
        "messages": [
            {"role": "user", "content": "Write f."}, {"role": "assistant", "content": "def f():"}
        ],
        "entry_point": "f", "tests": "assert f() == 1",
    }  # fmt: skip
    read = Former().read(chat, "rows.jsonl", 1)
    assert not isinstance(read, Fault)
    assert problems(tmp_path, read.row)[0]["prompt"] == "Write f."


def test_rows_of_one_id_are_two_problems(tmp_path: Path) -> None:
    found = problems(tmp_path, row(id="a"), row(2, id="a"))
    assert [p["id"] for p in found] == ["a", "rows.jsonl:2"]


@pytest.mark.parametrize("without", ["tests", "entry_point"])
def test_a_row_that_nothing_judges_is_no_problem(without: str, tmp_path: Path) -> None:
    assert write_held_out([row(**{without: None})], tmp_path) == 0
    assert not (tmp_path / HELD_OUT).exists()


def test_tests_in_a_form_of_others_are_no_fault() -> None:
    assert row(tests={"inputs": [1]}).about.tests == ""


def test_problems_of_an_earlier_run_go_where_there_are_none_now(tmp_path: Path) -> None:
    write_held_out([row()], tmp_path)
    write_held_out([], tmp_path)
    assert not (tmp_path / HELD_OUT).exists()
