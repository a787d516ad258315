"""The folder of a compressed model appears whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from codelathe.compression.folder import check_free, fresh_folder, weight_bytes
from codelathe.core.errors import DiskFull, UsageError


def test_it_appears_when_the_block_has_ended(tmp_path: Path) -> None:
    out = tmp_path / "above" / "out"
    with fresh_folder(out) as part:
        (part / "a").write_text("a")
        assert not out.exists()
    assert (out / "a").read_text() == "a"
    assert list(out.parent.iterdir()) == [out]


def test_an_empty_folder_is_taken_over(tmp_path: Path) -> None:
    with fresh_folder(tmp_path) as part:
        (part / "a").write_text("a")
    assert (tmp_path / "a").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    def fill() -> None:
        with fresh_folder(tmp_path / "out") as part:
            (part / "a").write_text("a")
            raise OSError(number, "full")

    with pytest.raises(DiskFull):
        fill()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot"), fresh_folder(tmp_path / "file" / "out"):
        pass


@pytest.mark.parametrize("name", ["", "..", "/"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError), fresh_folder(Path(name)):
        pass


def test_what_another_program_put_there_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def make() -> None:
        with fresh_folder(out):
            out.mkdir()
            (out / "theirs").write_text("theirs")

    with pytest.raises(UsageError, match="there is something"):
        make()
    assert (out / "theirs").read_text() == "theirs"


def test_a_link_is_refused_before_the_work_and_not_after_it(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "empty")
    with pytest.raises(UsageError, match="there is something"):
        check_free(tmp_path / "out")


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (["model.safetensors", "consolidated.safetensors", "pytorch_model.bin"], 100),
        (["pytorch_model.bin", "optimizer.bin", "training_args.bin"], 100),
        (["openvino_model.bin", "openvino_tokenizer.bin"], 100),
        (["model.packed.safetensors"], 100),
    ],
)
def test_weights_are_counted_once_and_nothing_that_is_none(
    tmp_path: Path, names: list[str], count: int
) -> None:
    for name in names:
        (tmp_path / name).write_bytes(bytes(100))
    assert weight_bytes(tmp_path) == count
