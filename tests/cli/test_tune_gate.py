"""`lathe tune gate`: what it prints, leaves and answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codelathe import wiring
from codelathe.cli import run
from codelathe.core.lineage import Lineage, write_lineage
from fakes.evaluating import asking, model
from fakes.judging import Told

Passes = Callable[[int, int], None]


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """A whole checkpoint, as a full tuning leaves it."""
    folder = tmp_path / "tuned"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    write_lineage(folder, Lineage("checkpoint", "base", "0" * 64, "base"))
    return folder


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    """Say how many of 64 general problems the models before and after pass; 16 are asked."""
    monkeypatch.setattr(wiring, "open_judge", lambda *_, **__: Told())
    monkeypatch.setattr(wiring, "open_benchmark", lambda *_, **__: asking(64))
    monkeypatch.setattr(wiring, "model_sha256", lambda name: f"hash of {name}")

    def say(before: int, after: int) -> None:
        def opened(name: str, *_: Any, **__: Any) -> Any:
            passed = before if name == "base" else after
            return model(("passed",) * passed + ("failed",) * (64 - passed))

        monkeypatch.setattr(wiring, "open_engine", opened)

    return say


def test_a_result_that_passes_is_answered_with_0(
    passes: Passes, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passes(64, 64)
    assert run(["tune", "gate", str(result)]) == 0
    assert "gate: passed" in capsys.readouterr().out


def test_a_refused_result_is_answered_with_3_and_kept(passes: Passes, result: Path) -> None:
    passes(64, 20)
    assert run(["tune", "gate", str(result), "--quiet"]) == 3
    assert json.loads((result / "gate.json").read_text())["outcome"] == "refused"


def test_too_few_problems_are_answered_with_3_and_how_to_ask_more(
    passes: Passes, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passes(64, 56)
    assert run(["tune", "gate", str(result)]) == 3
    assert "could not tell" in (told := capsys.readouterr().out)
    assert "--every 1" in told


def test_json_prints_what_gate_json_has(
    passes: Passes, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passes(64, 64)
    run(["tune", "gate", str(result), "--json"])
    assert json.loads(capsys.readouterr().out) == json.loads((result / "gate.json").read_text())


def test_what_is_not_said_is_as_in_the_last_gate(passes: Passes, result: Path) -> None:
    passes(64, 64)
    run(["tune", "gate", str(result), "--every", "2", "--quiet"])
    run(["tune", "gate", str(result), "--tolerance", "20", "--quiet"])
    settings = json.loads((result / "gate.json").read_text())["settings"]
    assert (settings["every"], settings["tolerance"]) == (2, 20.0)


def test_a_folder_without_a_result_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tune", "gate", str(tmp_path)]) == 2
    assert "no result of lathe tune" in capsys.readouterr().err


def test_a_checkpoint_that_nobody_says_the_origin_of_is_refused(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (result / "lathe.json").unlink()
    assert run(["tune", "gate", str(result)]) == 2
    assert "what it was made of" in capsys.readouterr().err


def test_a_problem_file_of_another_kind_is_refused(
    passes: Passes, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passes(64, 64)
    assert run(["tune", "gate", str(result), "--own", "tasks.csv"]) == 2
    assert "no problem file" in capsys.readouterr().err
