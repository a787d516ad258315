from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from codelathe.core.errors import ModelRefError
from codelathe.store.hashes import content_sha256


def test_a_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"abc")
    expected = hashlib.sha256(b"abc").hexdigest()
    assert content_sha256(tmp_path / "model", tmp_path / "known") == expected


def test_a_file_that_changed_is_hashed_again(tmp_path: Path) -> None:
    path, known = tmp_path / "model", tmp_path / "known"
    path.write_bytes(b"abc")
    before = content_sha256(path, known)
    path.write_bytes(b"abcd")
    assert content_sha256(path, known) != before


def test_a_folder_is_known_by_names_and_bytes(tmp_path: Path) -> None:
    folder, known = tmp_path / "model", tmp_path / "known"
    folder.mkdir()
    (folder / "a").write_bytes(b"1")
    before = content_sha256(folder, known)
    (folder / "a").rename(folder / "b")
    assert content_sha256(folder, known) != before


def test_what_is_remembered_may_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"abc")
    (tmp_path / "known").write_text("[")
    expected = hashlib.sha256(b"abc").hexdigest()
    assert content_sha256(tmp_path / "model", tmp_path / "known") == expected


def test_where_nothing_can_be_remembered_a_model_is_known_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"abc")
    (tmp_path / "home").write_text("a file in the place of the folder")
    expected = hashlib.sha256(b"abc").hexdigest()
    assert content_sha256(tmp_path / "model", tmp_path / "home/cache/known") == expected


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelRefError, match="cannot read"):
        content_sha256(tmp_path / "nothing", tmp_path / "known")


@pytest.mark.parametrize("name", ["gate.json", "lathe.json", "README.md", "loss.png", "runs/a"])
def test_what_only_tells_of_a_model_has_no_part_in_what_it_is(name: str, tmp_path: Path) -> None:
    folder, known = tmp_path / "model", tmp_path / "known"
    (folder / "runs").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"1")
    before = content_sha256(folder, known)
    (folder / name).write_text("told")
    assert content_sha256(folder, known) == before
