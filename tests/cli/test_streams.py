"""Standard streams that are closed, full, or not UTF-8: a result, or an error that says so."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codelathe.cli import run
from codelathe.cli.console import Output

CODE = "def rev(s):\n    # 뒤집기\n    return s[::-1]"


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "script.jsonl"
    path.write_text(json.dumps({"text": f"```python\n{CODE}\n```", "repeat": True}))
    return f"scripted:{path}"


def shell(command: str, model: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `command` in a shell that knows `lathe`; `$M` is the model."""
    lathe = f'lathe() {{ "{sys.executable}" -m codelathe "$@"; }}; {command}'
    return subprocess.run(
        ["sh", "-c", lathe], env={**os.environ, "M": model, **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_closed_standard_input_is_an_empty_one(model: str) -> None:
    done = shell("lathe generate - --model $M <&-", model)
    assert done.returncode == 2
    assert "the prompt is empty" in done.stderr


def test_a_closed_standard_output_is_told_before_any_work(model: str) -> None:
    done = shell("lathe generate Go --model scripted:absent >&-", model)
    assert done.returncode == 1
    assert done.stderr == "error: standard output is closed: there is nowhere to print to\n"


def test_a_closed_standard_error_loses_only_the_messages(model: str) -> None:
    done = shell("lathe generate Go --model $M 2>&-", model)
    assert (done.returncode, done.stdout) == (0, f"{CODE}\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "command",
    ["lathe --help", "lathe generate Go --model $M", "lathe generate Go --model $M --json"],
)
def test_a_result_that_cannot_be_written_is_an_error_that_says_so(command: str, model: str) -> None:
    done = shell(f"{command} > /dev/full", model)
    assert done.returncode == 1
    assert "cannot be written to standard output: No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(model: str) -> None:
    done = shell("lathe doctor | true; lathe generate Go --json --model $M | head -1", model)
    assert (done.stdout, "rror" in done.stderr) == ("{\n", False)


def test_characters_that_the_terminal_lacks_are_escaped(model: str) -> None:
    done = shell("lathe generate Go --model $M", model, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "# \\ub4a4\\uc9d1\\uae30" in done.stdout


def test_korean_survives_the_locale_c(model: str) -> None:
    done = shell("lathe generate '뒤집기' --model $M --json", model, LC_ALL="C")
    assert json.loads(done.stdout)["generated_code"] == CODE


@pytest.mark.parametrize(
    ("args", "said", "hint"),
    [
        (["generate", "x", "--max-tokens", "many"], "'many' is not a valid integer", "--help"),
        (["generate", "x", "--jason"], "No such option '--jason'", "lathe generate --help"),
        (["generate"], "Missing argument 'PROMPT'", "lathe generate --help"),
        (["genrate", "x"], "unknown verb 'genrate'", "nearest: generate"),
    ],
)
def test_wrong_usage_is_exit_2_with_the_next_step_also_as_json(
    args: list[str], said: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*args, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert said in error["message"]
    assert hint in error["hint"]


def test_numbers_that_json_has_no_form_for_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    Output(json=True).document({"a": [math.inf, 1.5], "b": (math.nan, "NaN")})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5], "b": [None, "NaN"]}
