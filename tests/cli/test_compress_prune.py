"""`lathe compress prune`: what it prints and writes, and what it says of wrong use."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from codelathe.cli import run
from fakes import checkpoints


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.save(tmp_path_factory.mktemp("llama"), "llama")


def prune(model: Path, *args: str, method: str = "wanda", out: str = "out") -> int:
    given = ["--method", method, "--out", out, *args]
    return run(["compress", "prune", str(model), *given])


def test_the_document_tells_what_was_reached(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prune(model, "--sparsity", "0.5", "--samples", "2", "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["method"] == "wanda"
    assert told["reached"] == pytest.approx(0.5, abs=0.001)
    assert list(told["precisions"]) == ["float32"]
    assert told["bytes"]["stored"] == Path("out/model.packed.safetensors").stat().st_size
    assert told["calibration"]["windows"] == 2
    assert any("no engine here runs faster" in note for note in told["notes"])


def test_the_screen_tells_sparsity_size_and_that_it_was_checked(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prune(model, "--sparsity", "0.5", method="l1") == 0
    told = capsys.readouterr()
    assert told.out.startswith("50.00% pruned of ")
    assert "packed," in told.out
    assert "saved, loaded again, bit-equal" in told.out
    assert told.out.endswith("use it: lathe generate ... --model ./out\n")
    assert "note: no engine here runs faster because of zeros" in told.err


def test_depth_names_the_layers_that_went(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prune(model, "--sparsity", "0.5", "--samples", "1", method="depth") == 0
    out = capsys.readouterr().out
    assert "removed     blocks " in out
    assert "parameters  " in out


def test_dense_writes_what_every_program_reads(model: Path) -> None:
    assert prune(model, "--sparsity", "0.5", "--dense", "--quiet", method="l1") == 0
    assert Path("out/model.safetensors").is_file()
    assert not Path("out/model.packed.safetensors").exists()


def test_quiet_says_nothing(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prune(model, "--sparsity", "0.5", "--quiet", method="l1") == 0
    assert capsys.readouterr() == ("", "")


def test_the_stored_precision_is_kept_and_another_taken_when_asked(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--sparsity", "0.5", "--json"]
    assert prune(model, *given, "--precision", "bfloat16", method="l1") == 0
    assert list(json.loads(capsys.readouterr().out)["precisions"]) == ["bfloat16"]
    assert prune(Path("out"), "--sparsity", "0.6", "--json", method="l1", out="again") == 2
    assert prune(Path("./out").absolute(), "--sparsity", "0.6", "--json", method="l1", out="b") == 0
    assert '"bfloat16"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("code.py", "def add(a, b):\n    return a + b\n" * 40),
        ("rows.jsonl", json.dumps({"text": "def add(a, b):\n    return a + b\n" * 40}) + "\n"),
    ],
)
def test_a_file_of_code_or_of_rows_calibrates(
    model: Path, name: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).write_text(text)
    given = ["--sparsity", "0.5", "--samples", "2", "--calibration", name, "--json"]
    assert prune(model, *given) == 0
    assert json.loads(capsys.readouterr().out)["calibration"]["source"] == name


def test_prose_is_warned_of(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mail.txt").write_text("We met on Tuesday and talked about the garden.\n" * 60)
    given = ["--sparsity", "0.5", "--samples", "2", "--calibration", "mail.txt"]
    assert prune(model, *given) == 0
    assert "of the lines in mail.txt look like code" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--method", "wander", "--sparsity", "0.5"], "unknown pruning method 'wander'"),
        (["--method", "l1", "--sparsity", "50"], "is not between 0 and 1"),
        (["--method", "l1", "--pattern", "4:2"], "is no pattern"),
        (["--method", "l1", "--pattern", "3:5"], "does not divide model.layers.0"),
        (["--method", "l1"], "nothing says how much to prune"),
        (["--method", "wanda", "--sparsity", "0.5", "--scope", "global"], "scope global"),
        (["--method", "wanda", "--sparsity", "0.5", "--scope", "lair"], "unknown scope 'lair'"),
        (["--method", "l1", "--sparsity", "0.5", "--precision", "int8"], "unknown precision"),
        (["--method", "wanda", "--sparsity", "0.5", "--calibration", "no.py"], "cannot read no.py"),
        (["--method", "l1", "--sparsity", "0.5", "--calibration", "no.py"], "is not calibrated"),
    ],
)
def test_wrong_use_is_told_and_exits_with_2(
    model: Path, args: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compress", "prune", str(model), *args, "--out", "out"]) == 2
    assert told in capsys.readouterr().err
    assert not list(Path().glob("*out*"))


@pytest.mark.parametrize("name", ["openai:gpt-5-mini", "nothing-like-it", "./no/such/folder"])
def test_what_has_no_weights_here_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--method", "l1", "--sparsity", "0.5", "--out", "out"]
    assert run(["compress", "prune", name, *given]) == 2
    assert "error: " in capsys.readouterr().err


def test_an_adapter_is_refused(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    adapter = checkpoints.save_adapter(Path("tuned"), model)
    given = ["--method", "l1", "--sparsity", "0.5", "--out", "out"]
    assert run(["compress", "prune", f"adapter:{adapter}", *given]) == 2
    assert "is an adapter on" in capsys.readouterr().err


def test_a_run_that_is_ended_leaves_nothing(model: Path) -> None:
    command = ["compress", "prune", str(model), "--method", "sparsegpt", "--sparsity", "0.5"]
    process = subprocess.Popen(
        [sys.executable, "-m", "codelathe", *command, "--samples", "500000", "--out", "out"],
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not list(Path().glob(".out*")):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert "interrupted" in process.communicate()[1]
    assert process.returncode == 130
    assert not list(Path().glob("*out*"))
