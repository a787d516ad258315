"""Files that are replaced as a whole."""

from __future__ import annotations

import fcntl
from concurrent.futures import ThreadPoolExecutor
from errno import ENOLCK
from pathlib import Path

import pytest

from codelathe.core.errors import UsageError
from codelathe.evaluation.files import open_locked, read_object, replace_file


def test_several_that_replace_a_file_at_once_leave_one_of_theirs_whole(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    told = [bytes([ord("a") + i]) * 50_000 for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda data: [replace_file(path, data) for _ in range(20)], told))
    assert path.read_bytes() in told
    assert [p.name for p in tmp_path.iterdir()] == ["kept.json"]


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError):
        replace_file(tmp_path / "folder", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_what_a_dead_process_had_begun_to_write_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "kept.json.new").write_bytes(b"much longer than what comes now")
    replace_file(tmp_path / "kept.json", b"short")
    assert (tmp_path / "kept.json").read_bytes() == b"short"


def test_a_disk_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(UsageError, match="cannot be locked: No locks available"):
        open_locked(tmp_path / "rows.jsonl")


def test_an_object_that_is_nested_without_end_is_none(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text('{"a":' + "[" * 100_000)
    assert read_object(path) == {}
