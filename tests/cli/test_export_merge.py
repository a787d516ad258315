"""`lathe export merge`: what is printed, wrong use, and an adapter of another base."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codelathe.cli import run
from codelathe.core.lineage import Lineage, write_lineage
from codelathe.wiring import model_sha256
from fakes import checkpoints
from fakes.processes import until


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter, beside its base in the folder `base`."""
    root = tmp_path_factory.mktemp("tuned")
    base = checkpoints.save(root / "base", "llama")
    return checkpoints.save_adapter(root / "adapter", base)


def test_the_document_has_precision_tensors_and_the_comparison(
    tuned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(["export", "merge", f"adapter:{tuned}", "--out", "out", "--check", "2", "--json"]) == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert (told["path"], told["ref"]) == ("out", "./out")
    assert told["precision"] == "float32"
    assert told["tensors"]["model.norm.weight"] == "float32"
    assert told["check"]["passed"]
    assert told["check"]["equal_texts"] == 2
    assert Path("out/model.safetensors").exists()


def test_the_screen_tells_texts_logits_and_how_to_use_it(
    tuned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", "merge", f"adapter:{tuned}", "--out", "out", "--check", "1"]) == 0
    out, err = capsys.readouterr()
    assert "1 of 1 equal" in out
    assert "--model ./out" in out
    assert "does not say for which weights" in err


def test_a_merged_model_runs_by_its_folder(tuned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "merge", f"adapter:{tuned}", "--out", "out", "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    assert run(["export", "gguf", "./out", "--out", "x.gguf", "--check", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gguf"]["type"] == "f16"


def test_an_adapter_of_another_base_is_refused_by_hash(
    tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lineage = Lineage("adapter", "base", "0" * 64, "base")
    path = write_lineage(tuned, lineage)
    assert run(["export", "merge", f"adapter:{tuned}", "--out", "out"]) == 1
    err = capsys.readouterr().err
    assert "000000000000" in err
    assert model_sha256(str(tuned.parent / "base"))[:12] in err
    assert not Path("out").exists()
    path.unlink()


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["base", "--out", "out"], 2, "is not an adapter"),
        (["adapter", "--out", "out", "--precision", "int4"], 2, "unknown precision 'int4'"),
        (["adapter", "--out", "no/such/out"], 2, "does not exist"),
        (["adapter", "--out", "."], 2, "exists and is not"),
        (["adapter", "--out", "out", "--check", "0"], 2, "0 is not in the range"),
        (["nothing", "--out", "out"], 1, "is no adapter"),
    ],
)
def test_wrong_use_is_told(
    tuned: Path, args: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("something").write_text("here")
    name = tuned.parent / args[0]
    ref = str(name) if args[0] == "base" else f"adapter:{name}"
    assert run(["export", "merge", ref, *args[1:]]) == code
    assert told in capsys.readouterr().err
    assert {path.name for path in Path().iterdir()} <= {"something", "store"}


def test_a_merge_that_is_ended_leaves_nothing(tuned: Path, tmp_path: Path) -> None:
    command = ["export", "merge", f"adapter:{tuned}", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "codelathe", *command], stderr=subprocess.PIPE
    )
    until(lambda: list(tmp_path.glob(".out.unfinished-*")), 60)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    # Interrupted while it runs code from a string, as imports do, Python ends by the signal
    # itself once all is cleaned up: 130 to a shell, too.
    assert process.returncode in (130, -signal.SIGINT)
    assert not list(tmp_path.iterdir())


def test_a_services_model_cannot_be_merged(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "merge", "openai:gpt-5-mini", "--out", "out"]) == 2
    assert "does not show its weights" in capsys.readouterr().err
