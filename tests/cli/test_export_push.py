"""`lathe export push`: preview, question, secrets, and what `--json` says."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelathe.cli import run
from fakes.hub_writing import KEY, WrittenHub, written_hub
from fakes.tuned import tuned_adapter, use_hub

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", KEY)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[WrittenHub]:
    with written_hub() as running:
        use_hub(running.address, monkeypatch)
        yield running


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return tuned_adapter(tmp_path / "my-tune")


def push(source: Path, *args: str) -> int:
    return run(["export", "push", str(source), "me/my-tune", *args])


def test_a_push_shows_files_changes_licence_and_card_first(
    hub: WrittenHub, adapter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(adapter, "--yes") == 0
    out, err = capsys.readouterr()
    assert "adapter of 4 files" in err
    assert "new" in err
    assert "adapter_model.safetensors" in err
    assert "stays here: run.json, state/, training_args.bin" in err
    assert "licence: none stated" in err
    assert "| # my-tune" in err
    assert out.startswith("sent: ")
    assert "me/my-tune" in hub.repositories


def test_the_document_lists_files_and_the_commit(
    hub: WrittenHub, adapter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(adapter, "--yes", "--json", "--private") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sent"]
    assert told["created"]
    assert told["commit"] == hub.repositories["me/my-tune"].commits["main"][-1]
    assert hub.repositories["me/my-tune"].private
    assert push(adapter, "--yes", "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert not again["sent"]
    assert {file["change"] for file in again["files"]} == {"same"}


def test_without_a_terminal_it_is_refused_where_nobody_said_yes(
    hub: WrittenHub, adapter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(adapter) == 2
    assert "--yes" in capsys.readouterr().err
    assert not hub.requests


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_on_a_terminal_it_asks_and_does_as_told(
    hub: WrittenHub, adapter: Path, answer: str, code: int
) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    done = subprocess.run(
        [sys.executable, "-m", "codelathe", "export", "push", str(adapter), "me/my-tune", "-q"],
        stdin=theirs,
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_DISABLE_XET": "1"},
        check=False,
        timeout=60,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code, done.stderr
    assert "send to me/my-tune?" in done.stderr
    assert "adapter_model.safetensors" in done.stderr
    assert ("me/my-tune" in hub.repositories) is (answer == "y")


def test_files_with_keys_in_them_are_refused_and_the_key_is_not_repeated(
    hub: WrittenHub, adapter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "ghp_" + "a1B2" * 10
    (adapter / "README.md").write_text(f"# mine\n\ntoken: {secret}\n")
    assert push(adapter, "--yes") == 2
    err = capsys.readouterr().err
    assert "GitHub token" in err
    assert "README.md:" in err
    assert secret not in err
    assert not hub.requests


def test_rows_with_a_password_are_refused(
    hub: WrittenHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "hi"}\n' + json.dumps({"text": "AKIA" + "Q7" * 8}) + "\n")
    assert push(rows, "--yes") == 2
    assert "rows.jsonl:2 (AWS key)" in capsys.readouterr().err
    assert not hub.requests


KEY_OF_A_CLOUD = "AKIA" + "Q7" * 8


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("rows.jsonl", json.dumps({"text": f"x\n{KEY_OF_A_CLOUD}"}), 1),
        ("rows.jsonl", json.dumps({"text": 'API_TOKEN = "k9Xw2Lq8Zr4Tt1Bv"'}), 1),
        ("rows.csv", 'text\n"API_TOKEN = ""k9Xw2Lq8Zr4Tt1Bv"""\n', 2),
        ("rows.jsonl", '{"text": "long"}\n' * 400_000 + KEY_OF_A_CLOUD, 400_001),
    ],
)
def test_secrets_in_code_in_rows_are_found_on_their_lines(
    hub: WrittenHub,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str,
    line: int,
) -> None:
    (tmp_path / name).write_text(text)
    assert push(tmp_path / name, "--yes") == 2
    assert f"{name}:{line} (" in capsys.readouterr().err
    assert not hub.requests


def test_secrets_in_parquet_files_are_found(
    hub: WrittenHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"text": ["a", f"key\n{KEY_OF_A_CLOUD}"]})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    assert push(tmp_path / "rows.parquet", "--yes") == 2
    assert "rows.parquet:2 (AWS key)" in capsys.readouterr().err
    assert not hub.requests


def test_a_missing_key_is_told_with_its_variable(
    hub: WrittenHub,
    adapter: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert push(adapter, "--yes") == 1
    assert "HF_TOKEN" in capsys.readouterr().err


def test_the_key_may_stand_in_dotenv(
    hub: WrittenHub, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    Path(".env").write_text(f"HUGGINGFACE_API_KEY={KEY}\n")
    assert push(adapter, "--yes", "-q") == 0


def test_a_folder_of_rows_is_sent_as_data(hub: WrittenHub, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "hi"}\n')
    assert push(tmp_path, "--dataset", "--yes", "-q") == 0
    assert set(hub.files("datasets/me/my-tune")) == {"README.md", "rows.jsonl"}
