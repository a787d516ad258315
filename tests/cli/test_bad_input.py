"""Input that cannot be used: told at once, with the next step, and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codelathe.cli import run

NO_MODEL = ["--model", "scripted:absent"]


def generate(prompt: str, *args: str) -> int:
    return run(["generate", prompt, *args, *NO_MODEL])


@pytest.mark.parametrize("prompt", ["a\0b", "a\ud800b", "\udcff"])
def test_a_prompt_that_is_no_text_is_refused_with_the_place(
    prompt: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(prompt) == 2
    assert f"at {0 if len(prompt) == 1 else 1}, which is no text" in capsys.readouterr().err


@pytest.mark.parametrize("literal", ["'a\0'", "'\udcff'"])
def test_an_example_that_is_no_text_is_refused_with_its_number(
    literal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate("Go", "--input", literal, "--output", "1") == 2
    assert "example 1, input: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--language", "\udcff"], "unknown language '\\udcff'"),
        (["--examples", "\udcff.json"], "cannot read \\udcff.json: No such file"),
        (["--examples", "."], "cannot read .: Is a directory"),
        (["--input", "[1, 2", "--output", "1"], "a bracket or a quote is not closed (column 1)"),
        (["--input", "1", "--output", "hello"], "text is written in quotes: 'hello'"),
        (["--output", "1"], "the input of example 1 is missing"),
        (["--temperature", "nan"], "temperature must lie in 0..2"),
        (["--seed", "-1"], "seed must not be negative"),
        (["-n", "-1"], "-1 is not in the range 0<=x<=256"),
    ],
)
def test_wrong_arguments_are_refused_before_a_model_is_asked_for(
    args: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate("Go", *args) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "holds no example"),
        (b"hello", "line 1: not JSON"),
        (b'{"in": 1}', "must be an object with 'input' and 'output', not in"),
        (b'[{"input": "1", "output": "2"}', "expected ',' or ']'"),
        (b'{"input": "\xff"}', "is not UTF-8: byte 0xff at 11"),
        (b'{"input": "1\0", "output": "2"}', "Invalid control character"),
        (b'{"input": "\\ud800", "output": "2"}', "no source may have"),
    ],
)
def test_a_faulty_examples_file_is_refused_with_the_next_step(
    data: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(data)
    assert generate("Go", "--examples", str(path)) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "next: " in error


def test_a_prompt_of_a_megabyte_is_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script.jsonl"
    script.write_text(json.dumps({"text": "```python\ndef f():\n    return 1\n```"}))
    prompt = "reverse a string " * 60_000
    assert run(["generate", prompt, "--model", f"scripted:{script}", "--quiet"]) == 0
    assert capsys.readouterr().out == "def f():\n    return 1\n"


def test_half_a_surrogate_pair_in_an_answer_is_valid_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script.jsonl"
    script.write_text(json.dumps({"text": "```python\ndef f():\n    return '\ud800'\n```"}))
    assert run(["generate", "Go", "--model", f"scripted:{script}", "--json"]) == 0
    assert "\ud800" in json.loads(capsys.readouterr().out)["generated_code"]


@pytest.mark.parametrize("word", ["data"])
def test_a_word_with_several_forms_lists_them(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([word]) == 2
    said = capsys.readouterr().err
    assert all(form in said for form in ("build", "check", "show"))


def test_an_unknown_form_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "chek"]) == 2
    assert "nearest: data check" in capsys.readouterr().err
