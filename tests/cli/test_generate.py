from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codelathe.cli import run
from fakes.processes import alive, below, until

RIGHT = "```python\ndef rev(s):\n    return s[::-1]\n```"
WRONG = "```python\ndef rev(s):\n    return s\n```"
EXAMPLE = ["--input", "'ab'", "--output", "'ba'"]


@pytest.fixture
def script(tmp_path: Path) -> Any:
    """Write answers into a script and give the model reference for it."""

    def write(*answers: str | dict[str, Any]) -> str:
        path = tmp_path / "script.jsonl"
        lines = [json.dumps({"text": a} if isinstance(a, str) else a) for a in answers]
        path.write_text("\n".join(lines), encoding="utf-8")
        return f"scripted:{path}"

    return write


def generate(*args: str) -> int:
    return run(["generate", "Reverse a string.", *args])


def test_json_is_one_document_on_standard_output(
    script: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code = generate(*EXAMPLE, "--model", script(RIGHT), "--json")
    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert document["generated_code"] == "def rev(s):\n    return s[::-1]"
    assert document["proof"]["proved"] is True
    assert document["verdicts"][0]["status"] == "passed"


def test_plain_output_is_the_code_alone(script: Any, capsys: pytest.CaptureFixture[str]) -> None:
    generate(*EXAMPLE, "--model", script(RIGHT), "--quiet")
    captured = capsys.readouterr()
    assert captured.out == "def rev(s):\n    return s[::-1]\n"
    assert captured.err == ""


def test_the_proof_goes_to_standard_error(script: Any, capsys: pytest.CaptureFixture[str]) -> None:
    generate(*EXAMPLE, "--model", script(RIGHT))
    assert "proved: 1 of 1 examples" in capsys.readouterr().err


def test_nothing_proved_is_exit_3_and_shows_input_expected_and_got(
    script: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code = generate(*EXAMPLE, "-n", "1", "--model", script(WRONG, WRONG))
    captured = capsys.readouterr()
    assert code == 3
    assert captured.out == "def rev(s):\n    return s\n"
    assert "'ab'" in captured.err
    assert "got 'ab'" in captured.err
    assert "not proved" in captured.err


def test_without_examples_there_is_nothing_to_prove_and_that_is_no_failure(script: Any) -> None:
    assert generate("--model", script(RIGHT)) == 0


def test_a_language_without_a_judge_is_exit_3(
    script: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code = generate(
        *EXAMPLE, "--language", "Kotlin", "--model", script("```kotlin\nfun f() {}\n```")
    )
    assert code == 3
    assert "fun f() {}" in capsys.readouterr().out


def test_korean_prompts_and_values_pass_through(
    script: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(
        ["generate", "문자열을 뒤집는 함수를 작성하세요.", "--input", "'가나'",
         "--output", "'나가'", "--model", script(RIGHT), "--json"]
    )  # fmt: skip
    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert document["verdicts"][0]["expected"] == "'나가'"


def test_examples_come_from_a_file(script: Any, tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text(
        '{"input": "\'ab\'", "output": "\'ba\'"}\n{"input": "\'\'", "output": "\'\'"}\n'
    )
    assert generate("--examples", str(cases), "--model", script(RIGHT)) == 0


def test_a_program_is_judged_by_what_it_prints(script: Any) -> None:
    model = script("```python\nprint(sum(map(int, input().split())))\n```")
    assert generate("--stdin-program", "--input", "1 2", "--output", "3", "--model", model) == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--input", "'a'"], "1 example input but 0 example outputs"),
        (["--input", "a b", "--output", "1"], "example 1"),
        (["--language", "pythn"], "python"),
        (["--max-tokens", "0"], "max tokens must be at least 1"),
        (["--max-tokens", "-3"], "max tokens must be at least 1"),
        (["--temperature", "9"], "temperature"),
        (["--model", "qwen2.5-coder-1.5"], "qwen2.5-coder-1.5b"),
        (["--model", "nosuch:thing"], "unknown model scheme"),
        (["--engine", "lamacpp"], "llamacpp"),
        (["--examples", "absent.jsonl"], "absent.jsonl"),
    ],
)
def test_bad_input_is_exit_2_and_says_what_is_wrong(
    args: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(*args) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_an_empty_prompt_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate", "  "]) == 2
    assert "empty" in capsys.readouterr().err


def test_with_json_an_error_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate("--input", "'a'", "--json") == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["type"] == "ProblemError"
    assert error["hint"]


def test_a_model_that_fails_is_exit_1(script: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model = script({"error": "RemoteTimeout", "message": "no answer in 60 s"})
    assert generate(*EXAMPLE, "--model", model) == 1
    assert "no answer in 60 s" in capsys.readouterr().err


def test_a_missing_key_names_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate("--model", "openai:gpt-5-mini") == 1
    assert "OPENAI_API_KEY" in capsys.readouterr().err


def test_terminal_codes_in_an_answer_do_not_reach_the_terminal(
    script: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = "```python\ndef rev(s):\n    return '\\x1b[31m' + chr(27) + s\n```"
    assert generate(*EXAMPLE, "-n", "0", "--model", script(bad)) == 3
    assert "\x1b[31m" not in capsys.readouterr().err


def test_ctrl_c_is_exit_130_and_leaves_no_process_behind(script: Any, tmp_path: Path) -> None:
    loop = "```python\ndef rev(s):\n    while True: pass\n```"
    command = [sys.executable, "-m", "codelathe", "generate", "Reverse.", *EXAMPLE]
    child = subprocess.Popen(
        [*command, "--model", script(loop)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    until(lambda: len(below(child.pid)) >= 3)  # launcher, warden and the loop
    found = below(child.pid)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=20)
    assert child.returncode == 130
    until(lambda: not alive(found))


def test_a_proof_is_run_again_by_judge(
    script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(*EXAMPLE, "--model", script(RIGHT), "--json")
    solution = tmp_path / "solution.json"
    solution.write_text(capsys.readouterr().out, encoding="utf-8")
    assert run(["judge", "proof", str(solution), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["agrees"] is True


def test_a_forged_proof_does_not_pass_judge(
    script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(*EXAMPLE, "-n", "0", "--model", script(WRONG), "--json")
    document = json.loads(capsys.readouterr().out)
    document["proof"]["proved"] = True
    document["verdicts"][0]["status"] = "passed"
    solution = tmp_path / "solution.json"
    solution.write_text(json.dumps(document), encoding="utf-8")
    assert run(["judge", "proof", str(solution)]) == 3


def test_an_answer_without_code_is_exit_3(script: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate("--model", script("")) == 3
    assert "the model wrote no code" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "[1]", "null", '{"verdicts": 5}', "[" * 100_000, '{"limits": ' + "9" * 5000 + "}"]
)
def test_what_is_no_proof_is_exit_2_with_the_next_step(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "solution.json"
    path.write_text(text, encoding="utf-8")
    assert run(["judge", "proof", str(path)]) == 2
    assert "next: lathe generate ... --json" in capsys.readouterr().err
