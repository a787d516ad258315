"""Engine `auto`: which of the two local engines answers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelathe.core.generation import Request, Sampling
from codelathe.engines.auto import AutoEngine

ONE = Request(prompt="def add(a, b):\n", sampling=Sampling(max_tokens=4))


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def write_header(path: Path, architecture: bytes) -> None:
    pair = text(b"general.architecture") + struct.pack("<I", 8) + text(architecture)
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + pair.ljust(96, b"\0"))


def test_a_model_that_only_llama_cpp_reads_says_so_in_its_name(tmp_path: Path) -> None:
    write_header(tmp_path / "m.gguf", b"starcoder2")
    engine = AutoEngine(tmp_path / "m.gguf", cache_dir=tmp_path)
    assert engine.info.name.startswith("auto: llamacpp (OpenVINO cannot: its architecture is star")


@pytest.fixture(scope="module")
def engine(smollm2_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AutoEngine]:
    opened = AutoEngine(smollm2_path, cache_dir=tmp_path_factory.mktemp("cache"))
    yield opened
    opened.close()


@pytest.mark.model
def test_one_answer_comes_from_llama_cpp(engine: AutoEngine) -> None:
    assert [c.engine for c in engine.generate([ONE])] == ["llamacpp"]


@pytest.mark.model
def test_several_answers_come_from_openvino(engine: AutoEngine) -> None:
    assert {c.engine for c in engine.generate([ONE, ONE])} == {"openvino"}


@pytest.mark.model
def test_several_answers_to_one_request_come_from_openvino(engine: AutoEngine) -> None:
    request = Request(prompt=ONE.prompt, n=2, sampling=ONE.sampling)
    assert {c.engine for c in engine.generate([request])} == {"openvino"}


@pytest.mark.model
def test_only_one_of_the_two_holds_the_model(engine: AutoEngine) -> None:
    list(engine.generate([ONE]))
    list(engine.generate([ONE, ONE]))
    assert engine._single._server is None


@pytest.mark.parametrize("architecture", [b"starcoder2", b"qwen2"])
def test_a_base_model_takes_plain_prompts_and_says_that_it_takes_no_chats(
    tmp_path: Path, architecture: bytes
) -> None:
    """So that what is asked of it is code to go on from, not a chat that it would refuse."""
    write_header(tmp_path / "m.gguf", architecture)
    base = AutoEngine(tmp_path / "m.gguf", cache_dir=tmp_path)
    chat = AutoEngine(tmp_path / "m.gguf", cache_dir=tmp_path, template=lambda messages: "x")
    assert "messages" not in base.info.features
    assert "prompt" in base.info.features
    assert "messages" in chat.info.features
