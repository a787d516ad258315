"""What is kept of a converted model, and when it is used again."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest

from codelathe.core.errors import ModelFileError
from codelathe.core.gguf import GgufHeader, read_gguf_header
from codelathe.engines import _converted
from codelathe.engines._converted import forget_converted, load_converted


@pytest.fixture
def header(tmp_path: Path) -> GgufHeader:
    """An empty model: enough for a name, a size and a time."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 0) + b"\0" * 64)
    return read_gguf_header(path)


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Counts conversions; each writes one file of 100 bytes."""
    made: list[Path] = []

    def convert(header: GgufHeader, folder: Path) -> None:
        made.append(folder)
        folder.mkdir()
        (folder / "openvino_model.bin").write_bytes(b"\0" * 100)
        manifest = {"stamp": _converted._stamp(header), "sizes": {"openvino_model.bin": 100}}
        (folder / "files.json").write_text(json.dumps(manifest))

    monkeypatch.setattr(_converted, "_convert", convert)
    return made


def load(folder: Path) -> bytes:
    return (folder / "openvino_model.bin").read_bytes()


def test_a_model_is_converted_once(
    header: GgufHeader, conversions: list[Path], tmp_path: Path
) -> None:
    for _ in range(2):
        assert load_converted(header, tmp_path, load) == b"\0" * 100
    assert len(conversions) == 1


def test_a_file_that_changed_is_converted_again_in_the_same_place(
    header: GgufHeader, conversions: list[Path], tmp_path: Path
) -> None:
    load_converted(header, tmp_path, load)
    os.utime(header.path, ns=(0, 0))
    load_converted(header, tmp_path, load)
    assert len(conversions) == 2
    assert len(set(conversions)) == 1


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"stamp": 1, "sizes": []}', "null"])
def test_a_copy_with_a_spoilt_manifest_is_made_anew(
    header: GgufHeader, conversions: list[Path], tmp_path: Path, manifest: str
) -> None:
    load_converted(header, tmp_path, load)
    (conversions[0] / "files.json").write_text(manifest)
    load_converted(header, tmp_path, load)
    assert len(conversions) == 2


def test_what_a_killed_conversion_left_is_removed_by_the_next(
    header: GgufHeader, conversions: list[Path], tmp_path: Path
) -> None:
    load_converted(header, tmp_path, load)
    left = conversions[0].with_name(f"{conversions[0].name}.making-abc")
    left.mkdir()
    os.utime(header.path, ns=(0, 0))
    load_converted(header, tmp_path, load)
    assert not left.exists()


def test_forgetting_frees_the_room(
    header: GgufHeader, conversions: list[Path], tmp_path: Path
) -> None:
    load_converted(header, tmp_path, load)
    assert forget_converted(header.path, tmp_path) >= 100
    assert not conversions[0].exists()
    assert forget_converted(header.path, tmp_path) == 0


def test_a_copy_that_cannot_be_loaded_names_the_other_engine(
    header: GgufHeader, conversions: list[Path], tmp_path: Path
) -> None:
    def fail(folder: Path) -> bytes:
        raise RuntimeError(f"bad graph in {folder.name}")

    with pytest.raises(ModelFileError) as caught:
        load_converted(header, tmp_path, fail)
    assert "llamacpp" in caught.value.hint
    assert conversions
