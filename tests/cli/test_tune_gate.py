"""`lathe tune gate`: what it prints, leaves and answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codelathe import wiring
from codelathe.benchmarks import Benchmark
from codelathe.cli import run
from codelathe.cli import tune as verb
from codelathe.cli.tuning import Material
from codelathe.core.errors import ArtefactUnavailable
from codelathe.core.lineage import Lineage, write_lineage
from codelathe.training.data.forms import Former
from codelathe.training.data.rows import Fault
from codelathe.training.tuning.result import Tuned
from fakes.evaluating import asking, model
from fakes.judging import Told

Passes = Callable[[int, int], None]


def opened_benchmark(name: str, *_: Any, **__: Any) -> Benchmark:
    """The made-up one under any name; a file's problems are of one's own."""
    return replace(asking(64), kind="own" if name.endswith(".jsonl") else "function")


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
    monkeypatch.setattr(wiring, "open_benchmark", opened_benchmark)
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


def test_answers_can_be_kept_short_for_a_short_context(passes: Passes, result: Path) -> None:
    passes(64, 64)
    run(["tune", "gate", str(result), "--max-tokens", "19", "--quiet"])
    runs = json.loads((result / "gate.json").read_text())["runs"]["general"]
    found = [json.loads((Path(folder) / "result.json").read_text()) for folder in runs.values()]
    assert [one["signature"]["sampling"]["max_tokens"] for one in found] == [19, 19]


def test_an_interrupted_gate_says_how_to_go_on(
    result: Path,
    passes: Passes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    passes(64, 64)
    monkeypatch.setattr(wiring, "open_judge", lambda *_, **__: Told(stop_at=20))
    assert run(["tune", "gate", str(result)]) == 130
    assert "the same command goes on" in capsys.readouterr().err


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


# The gate as the end of a tuning.


@pytest.fixture
def tuned(monkeypatch: pytest.MonkeyPatch, result: Path) -> Path:
    """A recipe with a gate, whose tuning is done already; one held-out row carries tests."""
    fields = {"instruction": "f?", "output": "f", "tests": "assert f(1)", "entry_point": "f"}
    read = Former().read(fields, "rows.jsonl", 1)
    assert not isinstance(read, Fault)
    done = Tuned(str(result), "checkpoint", 1, 1.0, None, None, None, 1, 1, 1.0, 1)
    found = (done, (read.row,), Material([read.row], [], ()))
    monkeypatch.setattr(verb, "_tune", lambda *_: found)
    (result.parent / "rows.jsonl").write_text(json.dumps(fields) + "\n")
    recipe = result.parent / "recipe.toml"
    recipe.write_text(
        f'out = "{result}"\n[model]\nname = "smollm2-135m"\n'
        f'[data]\nfiles = ["{result.parent / "rows.jsonl"}"]\n[gate]\nevery = 1\n'
    )
    return recipe


def test_a_tuning_whose_result_got_worse_ends_with_3(passes: Passes, tuned: Path) -> None:
    passes(64, 20)
    assert run(["tune", str(tuned), "--quiet"]) == 3


def test_a_tuning_tells_what_the_gate_came_to(
    passes: Passes, tuned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passes(64, 64)
    assert run(["tune", str(tuned), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["gate"]["outcome"]) == ("checkpoint", "passed")


def test_held_out_rows_with_tests_are_kept_beside_the_result(
    passes: Passes, tuned: Path, result: Path
) -> None:
    passes(64, 64)
    run(["tune", str(tuned), "--quiet"])
    (row,) = (result / "held-out.jsonl").read_text().splitlines()
    assert json.loads(row)["tests"] == "assert f(1)"


def test_a_gate_whose_data_cannot_be_had_stops_a_tuning_before_it_begins(
    passes: Passes, tuned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes(64, 64)

    def nowhere(*_: Any, **__: Any) -> Any:
        raise ArtefactUnavailable("there is no data")

    monkeypatch.setattr(wiring, "open_benchmark", nowhere)
    monkeypatch.setattr(verb, "_tune", lambda *_: pytest.fail("it began"))
    assert run(["tune", str(tuned), "--quiet"]) == 1
