"""`lathe data build`: the summary, wrong use, and what a run leaves when it is ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codelathe.cli import run
from fakes.processes import until
from fakes.repositories import GitRepository, stack_repository


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return stack_repository(tmp_path / "repo")


def build(repository: GitRepository, *args: str) -> int:
    return run(["data", "build", str(repository.folder), "--out", "rows.jsonl", *args])


def test_the_document_counts_the_rows_that_were_written(
    repository: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(repository, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    kinds = [json.loads(line)["kind"] for line in Path("rows.jsonl").read_text().splitlines()]
    assert told["kinds"] == {kind: kinds.count(kind) for kind in ("write", "document", "fill")}
    assert told["rows"] == len(kinds)
    assert told["licences"] == {"MIT": 1}


def test_the_screen_tells_rows_files_licences_and_the_commit(
    repository: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(repository, "--kinds", "write") == 0
    out = capsys.readouterr().out
    assert out.startswith("2 rows (write 2) of ")
    assert repository.git("rev-parse", "HEAD")[:12] in out
    assert "1 of 2 read: python 1" in out
    assert "MIT 1" in out


def test_quiet_says_nothing(repository: GitRepository, capsys: pytest.CaptureFixture[str]) -> None:
    assert build(repository, "--quiet") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--kinds", "writ"], "unknown kind of row 'writ'"),
        (["--kinds", ","], "--kinds names none"),
        (["--licence", ","], "--licence names none"),
        (["--licence", "GPL-3.0"], "left out: 1 licence"),
        (["--out", "."], "is no file that rows can be written to"),
        (["--out", "no/such/folder"], "No such file or directory"),
        (["--spans", "101"], "101 is not in the range"),
    ],
)
def test_wrong_use_is_told_and_exits_with_2(
    repository: GitRepository, args: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(repository, *args) == 2
    assert told in capsys.readouterr().err
    assert not list(Path().iterdir())


def test_a_run_that_is_ended_leaves_no_file(repository: GitRepository) -> None:
    for number in range(300):
        source = f'def f{number}(x):\n    """Give it back, {number} times."""\n    return x\n'
        repository.write(f"m{number}.py", source * 50)
    repository.commit()
    command = ["data", "build", str(repository.folder), "--out", "rows.jsonl"]
    process = subprocess.Popen(
        [sys.executable, "-m", "codelathe", *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    until(lambda: list(Path().iterdir()), 60)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told.decode()
    assert not list(Path().iterdir())
