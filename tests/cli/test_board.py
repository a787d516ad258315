"""`lathe board`: the table, the page, and results of other harnesses."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
import pytest

from codelathe.cli import run
from fakes.board_runs import asking, write_run

RESULTS = {
    "humaneval": {"pass@1": 0.25},
    "config": {"model": "bigcode/starcoder2-3b", "temperature": 0.0, "n_samples": 1},
}


@pytest.fixture
def runs() -> Path:
    """Two runs under the home: one model is surely better."""
    folder = Path(os.environ["CODELATHE_HOME"]) / "runs"
    for model, passed in (("good-3b-instruct", 38), ("bad-135m-base", 4)):
        found = {f"Toy/{i}": ["passed" if i < passed else "failed"] for i in range(40)}
        write_run(folder / model, found, asking(model))
    return folder


def document(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    assert run(["board", *args, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def own(document: Any) -> list[Any]:
    return [
        group for group in document["groups"] if any(r["origin"] == "run" for r in group["rows"])
    ]


@pytest.mark.usefixtures("runs")
def test_runs_are_ranked_with_their_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    (group,) = own(document(capsys))
    assert [(r["model"], r["rank"]) for r in group["rows"]] == [
        ("good-3b-instruct", [1, 1]),
        ("bad-135m-base", [2, 2]),
    ]
    low, high = group["rows"][0]["intervals"]["pass@1"]
    assert low < 0.95 < high


@pytest.mark.usefixtures("runs")
def test_runs_and_published_rows_are_in_groups_of_their_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    origins = [{row["origin"] for row in g["rows"]} for g in document(capsys)["groups"]]
    assert {"run"} in origins
    assert {"published"} in origins
    assert all(len(of_group) == 1 for of_group in origins)


@pytest.mark.usefixtures("runs")
def test_filters_come_before_ranks(capsys: pytest.CaptureFixture[str]) -> None:
    (group,) = own(document(capsys, "--max-size", "1B", "--benchmark", "humaneval"))
    assert [(r["model"], r["rank"]) for r in group["rows"]] == [("bad-135m-base", [1, 1])]


@pytest.mark.usefixtures("runs")
def test_the_table_has_scores_intervals_and_places(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["board", "--benchmark", "humaneval"]) == 0
    out = capsys.readouterr().out
    assert "fast-chat 1, greedy" in out
    assert "95.0% [83.5, 98.6]" in out


def test_the_columns_are_those_that_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["board", "--columns", "model,pass@1,source", "--benchmark", "mbpp+"]) == 0
    head = capsys.readouterr().out.splitlines()[1].split()
    assert head == ["model", "pass@1", "source"]


def test_runs_in_a_folder_that_is_named_are_there_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_run(tmp_path / "elsewhere/a", {"Toy/0": ["passed"]})
    assert len(own(document(capsys, str(tmp_path)))) == 1


@pytest.mark.parametrize(
    ("args", "nearest"),
    [
        (["--columns", "modle"], "model"),
        (["--benchmark", "humanevl"], "humaneval"),
        (["--sort", "pass@2"], "pass@1"),
        (["--type", "instrct"], "instruct"),
        (["--max-size", "big"], "3B"),
        (["no/such/folder"], "lathe evaluate"),
    ],
)
def test_what_there_is_not_is_refused_with_the_next_step(
    capsys: pytest.CaptureFixture[str], args: list[str], nearest: str
) -> None:
    assert run(["board", *args]) == 2
    assert nearest in capsys.readouterr().err


@pytest.mark.usefixtures("runs")
def test_html_writes_one_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["board", "--html", "out/board.html"]) == 0
    assert "good-3b-instruct" in Path("out/board.html").read_text()
    assert capsys.readouterr().out == ""


def test_a_page_that_cannot_be_written_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("taken").write_text("")
    assert run(["board", "--html", "taken/board.html"]) == 2
    assert "--html" in capsys.readouterr().err


def test_an_imported_file_stands_in_the_board(capsys: pytest.CaptureFixture[str]) -> None:
    Path("results.json").write_text(json.dumps(RESULTS))
    assert run(["board", "import", "results.json"]) == 0
    assert "bigcode/starcoder2-3b: humaneval (bigcode-eval" in capsys.readouterr().out
    groups = document(capsys, "--benchmark", "humaneval")["groups"]
    (row,) = (r for g in groups for r in g["rows"] if r["origin"] == "imported")
    assert row["parameters"] == 3 * 10**9


def test_no_file_is_kept_where_one_of_them_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("results.json").write_text(json.dumps(RESULTS))
    Path("other.json").write_text('{"loss": 1}')
    assert run(["board", "import", "results.json", "other.json"]) == 2
    assert 'found: an object with "loss"' in capsys.readouterr().err
    assert not (Path(os.environ["CODELATHE_HOME"]) / "board").exists()


def test_the_help_of_the_board_has_its_options_and_its_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["board", "--help"]) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("--max-size", "--html", "import", "show"))


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("width", [20, 40, 80])
def test_on_a_narrow_terminal_nothing_is_cut_off(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # what a terminal is told by
    monkeypatch.setenv("COLUMNS", str(width))
    assert run(["board", "--benchmark", "humaneval"]) == 0
    shown = click.unstyle(capsys.readouterr().out)
    for whole in ("good-3b-instruct", "CodeGen-Mono-350M", "70.7% [63.3, 77.1]"):
        assert whole in shown


def test_without_a_terminal_a_row_is_a_line_however_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = {f"metric_{i},none": i / 20 for i in range(20)}
    document = {"results": {"mine": scores}, "model_name": "m", "config": {}}
    (tmp_path / "x.json").write_text(json.dumps(document))
    run(["board", "import", str(tmp_path / "x.json")])
    capsys.readouterr()
    assert run(["board", "--benchmark", "mine"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if " imported" in line]
    assert all(f"{i / 20:.1%}" in line for i in range(20))
