from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from codelathe.core.disk import check_room, disk_errors, whole_folder
from codelathe.core.errors import DiskFull, UsageError


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        ValueError("I/O error: No space left on device (os error 28)"),
        OSError("1000 requested and 12 written"),
    ],
)
def test_a_full_disk_is_told_however_it_is_said(tmp_path: Path, error: Exception) -> None:
    told = pytest.raises(DiskFull, match="no room left to write")
    with told as caught, disk_errors(tmp_path, "make room"):
        raise error
    assert caught.value.hint == "make room"


def test_other_errors_of_files_are_made_what_the_room_wants(tmp_path: Path) -> None:
    ours = disk_errors(tmp_path, "make room", lambda told: UsageError(f"no: {told}"))
    with pytest.raises(UsageError, match="no: Permission denied"), ours:
        raise PermissionError(errno.EACCES, "Permission denied")


def test_other_errors_go_their_way(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="strange"), disk_errors(tmp_path, "make room"):
        raise ValueError("strange")


def test_what_does_not_fit_is_refused_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="are free"):
        check_room(tmp_path, 1 << 60, "make room")


def test_a_folder_appears_with_all_that_was_put_into_it(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "out") as fresh:
        (fresh / "deep").mkdir()
        (fresh / "deep" / "file").write_text("x")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "deep" / "file").read_text() == "x"
    assert names(tmp_path) == ["out"]


def test_a_folder_that_failed_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    with pytest.raises(ValueError, match="half"), whole_folder(tmp_path / "out") as fresh:
        raise ValueError(f"half: {(fresh / 'new').touch()}")
    assert [*(tmp_path / "out").iterdir()] == [tmp_path / "out" / "old"]
    assert names(tmp_path) == ["out"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal\n"
        "from codelathe.core.disk import whole_folder\n"
        f"with whole_folder(pathlib.Path({str(tmp_path / 'out')!r})) as fresh:\n"
        "    (fresh / 'half').touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    assert len(names(tmp_path)) == 1
    with whole_folder(tmp_path / "out") as fresh:
        (fresh / "whole").touch()
    assert names(tmp_path) == ["out"]
