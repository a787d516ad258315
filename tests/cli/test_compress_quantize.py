"""`lathe compress quantize`: what it prints and writes, and what it says of wrong use."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codelathe.cli import run
from codelathe.compression import quantizing_methods
from fakes import checkpoints, quantizing


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantizing.save(tmp_path_factory.mktemp("llama"))


@pytest.fixture(autouse=True)
def loose(monkeypatch: pytest.MonkeyPatch) -> None:
    quantizing.loosen(monkeypatch)


def quantize(model: Path | str, method: str, *args: str, out: str = "out") -> int:
    return run(["compress", "quantize", str(model), "--method", method, "--out", out, *args])


def test_the_document_lists_every_tensors_precision(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quantize(model, "dynamic-int8", "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["passed"]
    assert told["tensors"]["model.layers.0.mlp.up_proj.weight"] == "int8"
    assert told["tensors"]["model.norm.weight"] == "float32"
    assert told["bytes"]["stored"] == Path("out/model.safetensors").stat().st_size
    assert told["check"]["tokens"] == 512


def test_the_screen_tells_size_precisions_distance_and_what_runs_it(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quantize(model, "q4_1", out="small.gguf") == 0
    out = capsys.readouterr().out
    assert out.startswith("quantized by q4_1: ")
    for told in ("  Q4_1  ", "KL ", "perplexity ", "runs on     llamacpp, openvino, transformers"):
        assert told in out
    assert out.endswith("use it: lathe generate ... --model small.gguf\n")


def test_the_name_that_is_told_is_one_that_other_verbs_take(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quantize(model, "dynamic-int8", "--json") == 0
    ref = json.loads(capsys.readouterr().out)["ref"]
    assert run(["generate", "x = 1", "--model", ref, "--max-tokens", "2", "--json"]) in (0, 3)


def test_the_same_command_again_is_answered_from_what_is_there(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quantize(model, "dynamic-int8") == 0
    assert quantize(model, "dynamic-int8") == 0
    assert "quantized (as it was made before)" in capsys.readouterr().out


def test_too_far_from_the_original_exits_with_3(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = replace(
        quantizing_methods.METHODS["q4_1"], bounds=quantizing_methods.Bounds(1e-9, 0.0)
    )
    monkeypatch.setitem(quantizing_methods.METHODS, "q4_1", strict)
    assert quantize(model, "q4_1", out="far.gguf") == 3
    assert capsys.readouterr().out.startswith("further off than it should be by q4_1")
    assert Path("far.gguf").is_file()


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--method", "int5", "--out", "out"], "unknown quantization method 'int5'"),
        (["--method", "q8_0", "--out", "out"], "named as something else"),
        (["--method", "nf4", "--out", "out.gguf"], "named as something else"),
        (["--method", "nf4", "--out", "out", "--samples", "3"], "is not calibrated"),
        (["--method", "q8_0", "--out", "o.gguf", "--calibration", "x.py"], "is not calibrated"),
        (["--method", "openvino-int4-awq", "--out", "out", "--calibration", "no.py"], "no.py"),
    ],
)
def test_wrong_use_is_told_and_exits_with_2(
    model: Path, args: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compress", "quantize", str(model), *args]) == 2
    assert told in capsys.readouterr().err
    assert not list(Path().glob("*out*"))


@pytest.mark.parametrize("name", ["openai:gpt-5-mini", "nothing-like-it", "./no/such/folder"])
def test_what_has_no_weights_here_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert quantize(name, "nf4") == 2
    assert "error: " in capsys.readouterr().err


def test_an_adapter_is_refused_with_the_command_that_merges_it(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = checkpoints.save_adapter(Path("tuned"), model)
    assert quantize(f"adapter:{adapter}", "q8_0", out="x.gguf") == 2
    assert "lathe export merge adapter:tuned --out merged" in capsys.readouterr().err


def test_a_folder_that_is_there_is_left_alone(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out").mkdir()
    Path("out/mine.txt").write_text("mine")
    assert quantize(model, "nf4") == 2
    assert "there is something at out already" in capsys.readouterr().err
    assert [path.name for path in Path("out").iterdir()] == ["mine.txt"]


def test_a_run_that_is_ended_leaves_nothing(model: Path) -> None:
    command = ["compress", "quantize", str(model), "--method", "openvino-int8", "--out", "out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "codelathe", *command], stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not list(Path().glob(".out*/.scratch/scores")):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    assert not list(Path().glob(".out*")) + list(Path().glob("out*"))
    process.stderr.close()
