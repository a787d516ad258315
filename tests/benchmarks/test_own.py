"""Benchmarks of the user's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from codelathe.benchmarks import Benchmark, is_own, open_benchmark
from codelathe.benchmarks.asking import Asked, ask, read
from codelathe.benchmarks.protocols import Protocol, choose_protocol
from codelathe.core.errors import InputError, ProblemError
from codelathe.core.generation import ALL_FEATURES, Sampling

Write = Callable[[str, Sequence[Mapping[str, Any]]], Path]
ROW: dict[str, Any] = {
    "prompt": "Reverse a string.",
    "entry_point": "reverse",
    "examples": [{"input": "'ab'", "output": "'ba'"}],
}


def opened(write: Write, *rows: Mapping[str, Any]) -> Any:
    return open_benchmark(str(write("mine.jsonl", rows)))


@pytest.mark.parametrize(
    ("name", "own"),
    [("mine.jsonl", True), ("./x", True), ("humaneval", False), ("humanevl", False)],
)
def test_a_path_is_a_benchmark_of_ones_own(name: str, own: bool) -> None:
    assert is_own(name) is own


def test_problems_are_numbered_by_the_file_where_they_have_no_id(write: Write) -> None:
    assert list(opened(write, ROW, {**ROW, "id": "last"}).tasks) == ["mine/1", "last"]


def test_examples_are_values(write: Write) -> None:
    (example,) = opened(write, ROW).tasks["mine/1"].problem.examples
    assert (example.args, example.value) == (("ab",), "ba")


def test_tests_are_hidden_and_one_or_several(write: Write) -> None:
    one = {**ROW, "tests": "assert reverse('') == ''"}
    two = {**ROW, "tests": ["assert reverse('') == ''", "assert reverse('a') == 'a'"]}
    tasks = opened(write, one, two).tasks
    assert [len(task.problem.tests) for task in tasks.values()] == [1, 2]


def test_a_program_reads_standard_input(write: Write) -> None:
    row = {"prompt": "Add.", "program": True, "examples": [{"input": "1 2", "output": "3"}]}
    problem = opened(write, row).tasks["mine/1"].problem
    assert (problem.entry_point, problem.examples[0].input) == ("", "1 2")


def test_context_stands_before_every_solution(write: Write) -> None:
    row = {**ROW, "context": "LIMIT = 3\n", "canonical_solution": "def reverse(s): ..."}
    task = opened(write, row).tasks["mine/1"]
    assert task.canonical == "LIMIT = 3\n\n\ndef reverse(s): ..."


def asked(benchmark: Benchmark, protocol: Protocol) -> Asked:
    return ask(protocol, benchmark, benchmark.tasks["mine/1"], Sampling())


@pytest.mark.parametrize("name", [None, "verbatim"])
def test_context_is_in_the_program_and_not_in_the_prompt(name: str | None, write: Write) -> None:
    benchmark = opened(write, {**ROW, "context": "LIMIT = 3\n"})
    protocol = choose_protocol(benchmark, ALL_FEATURES, name)
    found = asked(benchmark, protocol)
    answer = "```python\ndef reverse(s):\n    return s[:LIMIT]\n```"
    assert read(protocol, found, answer).startswith("LIMIT = 3\n\n\ndef reverse(s):")
    assert "LIMIT" not in found.request.messages[0].content


def test_verbatim_asks_a_chat_the_prompt_and_nothing_else(write: Write) -> None:
    benchmark = opened(write, ROW)
    request = asked(benchmark, choose_protocol(benchmark, ALL_FEATURES, "verbatim")).request
    assert [message.content for message in request.messages] == ["Reverse a string."]
    assert not request.prefill


def test_verbatim_asks_a_base_model_to_go_on_from_the_prompt(write: Write) -> None:
    benchmark = opened(write, ROW)
    protocol = choose_protocol(benchmark, ALL_FEATURES - {"messages"}, "verbatim")
    assert asked(benchmark, protocol).request.prompt == "Reverse a string."


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"entry_point": "f"}, "lacks 'prompt'"),
        ({**ROW, "prompt": " "}, "empty"),
        ({**ROW, "examples": []}, "nothing would decide"),
        ({**ROW, "entry_point": ""}, "entry_point"),
        ({**ROW, "test": "x"}, "unknown field 'test'"),
        ({**ROW, "tests": 5}, "'tests' cannot be 5"),
        ({**ROW, "prompt": "a\ud800"}, "'prompt' has half a surrogate pair"),
        ({**ROW, "id": "\udfff"}, "'id' has half a surrogate pair"),
        ({**ROW, "tests": ["x = '\ud800'"]}, "'tests' has half a surrogate pair"),
        ({**ROW, "tests": "def check():\n    assert False"}, "only defines things"),
        ({**ROW, "tests": "pass"}, "only defines things"),
        ({**ROW, "tests": "'''What it is to do.'''\nimport re"}, "only defines things"),
        ({**ROW, "tests": "x = 1\nassert reverse("}, "no Python: '\\(' was never closed, line 2"),
        ({**ROW, "tests": "assert reverse('\0')"}, "no Python: .*null bytes"),
        ({**ROW, "tests": [5]}, "a test is a program, as text, not 5"),
        ({**ROW, "tests": [{"input": "'a'", "output": "'b'"}]}, "a test is a program, as text"),
        ({**ROW, "examples": [], "tests": ""}, "nothing would decide"),
        ({**ROW, "examples": [], "tests": [" ", ""]}, "nothing would decide"),
        ({**ROW, "examples": [5]}, "an example is"),
        ({**ROW, "examples": [{"input": "1", "output": 2}]}, "text"),
        ({**ROW, "examples": [{"input": "reverse", "output": "1"}]}, "example 1"),
        ({**ROW, "language": "klingon"}, "klingon"),
    ],
)
def test_a_line_that_is_no_problem_is_told_with_its_number(
    row: dict[str, Any], what: str, write: Write
) -> None:
    with pytest.raises(ProblemError, match=what) as error:
        opened(write, ROW, row)
    assert "line 2" in error.value.message


def test_a_test_that_runs_nothing_is_told_with_the_next_step(write: Write) -> None:
    with pytest.raises(ProblemError) as error:
        opened(write, {**ROW, "tests": "def check(): ..."})
    assert "call what it defines" in error.value.hint


def test_a_file_in_another_encoding_is_told_with_line_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    rows = (ROW, {**ROW, "prompt": "거꾸로", "id": "b"})
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(text.encode("euc-kr"))
    with pytest.raises(ProblemError, match="line 2: not UTF-8") as error:
        open_benchmark(str(path))
    assert "iconv -f EUC-KR" in error.value.hint


def test_two_problems_of_one_id_are_refused(write: Write) -> None:
    with pytest.raises(ProblemError, match="second problem"):
        opened(write, {**ROW, "id": "a"}, {**ROW, "id": "a"})


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(InputError, match="no file"):
        open_benchmark("nowhere.jsonl")
