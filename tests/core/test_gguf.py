from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codelathe.core.errors import ModelFileError
from codelathe.core.gguf import read_gguf_header


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def tiny_gguf() -> bytes:
    """A GGUF file with one string, one number, two arrays and one 2x32 Q8_0 tensor."""
    pairs = [
        string("general.architecture") + struct.pack("<I", 8) + string("llama"),
        string("llama.context_length") + struct.pack("<II", 4, 2048),
        string("tokenizer.ggml.tokens")
        + struct.pack("<IIQ", 9, 8, 3)
        + b"".join(map(string, ["<s>", "</s>", "가"])),
        string("tokenizer.ggml.scores") + struct.pack("<IIQ3f", 9, 6, 3, 0, 0, 0),
        string("tokenizer.ggml.eos_token_id") + struct.pack("<II", 4, 1),
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(pairs)) + b"".join(pairs)
    head += string("blk.0.weight") + struct.pack("<IQQIQ", 2, 32, 2, 8, 0)
    return head + b"\0" * (-len(head) % 32) + b"\0" * 68


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.gguf"
    file.write_bytes(tiny_gguf())
    return file


def test_the_header_tells_architecture_context_and_tensors(path: Path) -> None:
    header = read_gguf_header(path)
    assert (header.architecture, header.context_length) == ("llama", 2048)
    assert header.tensors[0].type == "Q8_0"
    assert header.tensors[0].nbytes == 68
    assert header.parameters == 64


def test_arrays_are_reported_by_their_length(path: Path) -> None:
    assert read_gguf_header(path).metadata["tokenizer.ggml.tokens"] == 3


def test_a_special_token_is_looked_up_in_the_vocabulary(path: Path) -> None:
    header = read_gguf_header(path)
    assert header.special_token("eos") == "</s>"
    assert header.special_token("bos") == ""


def test_a_file_cut_inside_its_weights_is_refused_with_both_sizes(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    with pytest.raises(ModelFileError, match=f"{len(data) - 1:,} bytes .* need {len(data):,}"):
        read_gguf_header(path)


@pytest.mark.parametrize("content", [b"", b"GG", b"GGUF", b"\x7fELF" + b"\0" * 64, b"GGUF" * 30])
def test_what_is_no_gguf_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "no.gguf"
    file.write_bytes(content)
    with pytest.raises(ModelFileError):
        read_gguf_header(file)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"absent\.gguf"):
        read_gguf_header(tmp_path / "absent.gguf")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(4, 260), value=st.integers(0, 255))
def test_a_garbled_header_raises_nothing_but_our_error(
    tmp_path: Path, position: int, value: int
) -> None:
    data = bytearray(tiny_gguf())
    data[position] = value
    file = tmp_path / "garbled.gguf"
    file.write_bytes(data)
    with contextlib.suppress(ModelFileError):
        read_gguf_header(file)
