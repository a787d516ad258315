"""An unfinished file: what it keeps, what it hashes, what ends it."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from codelathe.core.errors import IntegrityError, StoreError
from codelathe.store.part import Part

WRITER = """
import resource, sys
from pathlib import Path
from codelathe.core.errors import DiskFull
from codelathe.store.part import Part
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with Part(Path(sys.argv[1])) as part:
        for _ in range(50):
            part.write(bytes(4000))
except DiskFull as error:
    print("DiskFull", part.size, error.hint)
"""


def test_the_hash_of_a_part_is_that_of_its_bytes(tmp_path: Path) -> None:
    with Part(tmp_path / "part") as part:
        part.write(b"abc")
        part.write(b"def")
        assert part.sha256 == hashlib.sha256(b"abcdef").hexdigest()


def test_a_part_that_is_opened_again_goes_on_at_its_end(tmp_path: Path) -> None:
    with Part(tmp_path / "part") as part:
        part.write(b"abc")
    with Part(tmp_path / "part") as part:
        part.write(b"def")
        assert part.sha256 == hashlib.sha256(b"abcdef").hexdigest()


def test_a_part_knows_whether_it_was_begun_before(tmp_path: Path) -> None:
    with Part(tmp_path / "part") as part:
        part.write(b"abc")
        assert not part.resumed
    with Part(tmp_path / "part") as part:
        assert part.resumed


def test_a_part_cut_back_hashes_only_what_is_left(tmp_path: Path) -> None:
    with Part(tmp_path / "part") as part:
        part.write(b"abcdef")
        part.rewind(2)
        part.write(b"X")
    assert (tmp_path / "part").read_bytes() == b"abX"
    assert part.sha256 == hashlib.sha256(b"abX").hexdigest()


def test_bytes_beyond_the_limit_are_refused_and_not_written(tmp_path: Path) -> None:
    with Part(tmp_path / "part", limit=4) as part:
        part.write(b"abcd")
        with pytest.raises(IntegrityError):
            part.write(b"e")
    assert (tmp_path / "part").read_bytes() == b"abcd"


def test_a_kept_file_that_is_too_long_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"abcdefgh")
    with Part(tmp_path / "part", limit=4) as part:
        assert part.size == 0


def test_a_file_in_the_way_of_the_folder_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError):
        Part(tmp_path / "file" / "part")


def test_a_disk_that_fills_up_keeps_what_was_written(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path / "part")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("DiskFull 100000 ")
    assert (tmp_path / "part").stat().st_size == 100_000


def test_a_full_disk_is_told_with_the_way_out(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path / "part")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "CODELATHE_HOME" in done.stdout
