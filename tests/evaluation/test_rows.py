"""Rows of verdicts as lines."""

from __future__ import annotations

import json

import pytest

from codelathe.core.judging import Status, Verdict
from codelathe.evaluation.rows import Row, outcome, parse_row, row_line


def line(tests: tuple[str, ...], *statuses: str) -> bytes:
    found = outcome([Verdict(Status(status), input="1", got="2") for status in statuses])
    return row_line(Row("Toy/0", 0, found), tests)


@pytest.mark.parametrize("statuses", [("passed",), ("failed",), ("passed", "failed", "passed")])
@pytest.mark.parametrize("tests", [("base",), ("base", "plus")])
def test_a_row_that_is_read_is_written_as_it_was(
    tests: tuple[str, ...], statuses: tuple[str, ...]
) -> None:
    if len(tests) > 1:
        statuses = (*statuses, "error")[: len(tests)]
    written = line(tests, *statuses)
    assert row_line(parse_row(json.loads(written), tests), tests) == written


def test_an_example_is_not_taken_for_the_one_hidden_test() -> None:
    assert "base_status" not in json.loads(line(("base",), "passed", "failed"))


@pytest.mark.parametrize("call", [{}, {"input": "1"}, {"input": 1, "expected": 2, "got": None}, 5])
def test_a_call_that_is_none_is_no_row(call: object) -> None:
    row = {**json.loads(line(("base",), "failed")), "call": call}
    with pytest.raises(ValueError, match="no row of verdicts"):
        parse_row(row, ("base",))


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", '"nan"'])
def test_seconds_that_are_no_number_are_no_row(seconds: str) -> None:
    row = {**json.loads(line(("base",), "passed")), "seconds": json.loads(seconds)}
    with pytest.raises(ValueError, match="seconds"):
        parse_row(row, ("base",))


def test_of_several_hidden_tests_each_has_its_status() -> None:
    row = json.loads(line(("base", "plus"), "passed", "failed"))
    assert (row["base_status"], row["plus_status"]) == ("passed", "failed")
