"""Packed weights come back bit for bit, are small, and are refused where they are damaged."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
import torch
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from codelathe.compression._torch_packing import pack_folder
from codelathe.core.errors import ModelFileError
from codelathe.core.packed import FORMAT, PACKED, parse_packed
from codelathe.engines._torch_loading import load_model
from codelathe.engines._torch_packed import count_packed, read_packed, unpacked_bytes
from codelathe.engines._torch_place import Place, Weights
from fakes import checkpoints

FLOATS = (torch.float32, torch.bfloat16, torch.float16)


def packed(folder: Path, tensors: dict[str, torch.Tensor]) -> tuple[Path, int, int]:
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder / PACKED, *pack_folder(folder)


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    def raw(tensor: torch.Tensor) -> bytes:
        return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()

    return one.dtype == other.dtype and one.shape == other.shape and raw(one) == raw(other)


def sparse(share: float, dtype: torch.dtype, size: int = 512) -> torch.Tensor:
    made = torch.Generator().manual_seed(0)
    weights = torch.randn(size, size, generator=made) * 0.02
    weights[torch.rand(size, size, generator=made) < share] = 0
    return weights.to(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 0.99, 1.0])
def test_tensors_come_back_bit_for_bit(tmp_path: Path, dtype: torch.dtype, share: float) -> None:
    weights = sparse(share, dtype, 64)
    path, _, _ = packed(tmp_path, {"w": weights})
    assert same_bits(read_packed(path)["w"], weights)


def test_negative_zero_and_nan_come_back(tmp_path: Path) -> None:
    odd = torch.tensor([0.0, -0.0, float("nan"), float("inf"), 1e-45, 0.0, 0.0])
    path, _, _ = packed(tmp_path, {"w": odd})
    assert same_bits(read_packed(path)["w"], odd)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (3, 0, 2), (2, 3, 5)])
def test_any_shape_comes_back(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path, _, _ = packed(tmp_path, {"w": torch.ones(shape), "i": torch.arange(9)})
    found = read_packed(path)
    assert same_bits(found["w"], torch.ones(shape))
    assert same_bits(found["i"], torch.arange(9))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0, 0, 0, 1, 0x8000, 0xFFFF, 0x7FC0]), max_size=70))
def test_any_bits_come_back(tmp_path_factory: pytest.TempPathFactory, bits: list[int]) -> None:
    words = torch.tensor(bits, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
    path, _, _ = packed(tmp_path_factory.mktemp("bits"), {"w": words})
    assert same_bits(read_packed(path)["w"], words)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("share", "most"), [(0.5, 0.6), (0.7, 0.42)])
def test_sparse_weights_take_less_room(
    tmp_path: Path, dtype: torch.dtype, share: float, most: float
) -> None:
    _, before, after = packed(tmp_path, {"w": sparse(share, dtype)})
    assert after <= most * before


def test_the_ordinary_files_are_gone_once_they_are_packed(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    packed(tmp_path, {"w": torch.ones(3)})
    assert [path.name for path in tmp_path.iterdir()] == [PACKED]


def test_the_weights_are_counted_without_unpacking(tmp_path: Path) -> None:
    path, _, _ = packed(tmp_path, {"w": sparse(0.9, torch.float32, 20), "b": torch.ones(5)})
    assert count_packed(path) == 405


def test_the_memory_of_the_whole_is_told_in_the_numbers_it_is_stored_in(tmp_path: Path) -> None:
    weights = {"w": sparse(0.9, torch.float64, 20), "b": torch.ones(5)}
    path, _, _ = packed(tmp_path, weights)
    assert unpacked_bytes(path) == 400 * 8 + 5 * 4


def test_an_ordinary_file_is_refused_as_packed(tmp_path: Path) -> None:
    path = tmp_path / PACKED
    save_file({"w": torch.ones(3)}, path, {"format": "pt"})
    with pytest.raises(ModelFileError, match="is no file of packed weights"):
        read_packed(path)


def test_a_later_version_says_to_upgrade(tmp_path: Path) -> None:
    path = tmp_path / PACKED
    save_file({}, path, {FORMAT: json.dumps({"version": 2, "tensors": {"w": "new"}})})
    with pytest.raises(ModelFileError) as told:
        read_packed(path)
    assert "upgrade" in told.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "float8"}, {"shape": [-3]}, {"shape": [10**9, 10**9]}, {"parts": []},
        {"parts": [[1, 2], [3, 4]]}, {"sparse": True}, {"parts": None}, {"shape": None},
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path, _, _ = packed(tmp_path, {"w": torch.ones(3)})
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    told = json.loads(metadata[FORMAT])
    told["tensors"]["w"].update(change)
    with pytest.raises(ModelFileError):
        parse_packed({FORMAT: json.dumps(told)}, path)


@pytest.mark.parametrize("told", ["", "[]", "7", "{}", '{"version": 1}', '{"version": 1, '])
def test_metadata_that_is_no_index_is_refused(tmp_path: Path, told: str) -> None:
    with pytest.raises(ModelFileError):
        parse_packed({FORMAT: told}, tmp_path)


def test_a_damaged_bitmap_is_refused(tmp_path: Path) -> None:
    path, _, _ = packed(tmp_path, {"w": sparse(0.5, torch.float32, 9)})
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors["w"][:2] ^= 255
    save_file(tensors, path, metadata)
    with pytest.raises(ModelFileError, match="is damaged"):
        read_packed(path)


def test_a_single_changed_bit_is_refused_wherever_it_is(tmp_path: Path) -> None:
    path, _, size = packed(tmp_path, {"s": sparse(0.5, torch.bfloat16, 9), "w": torch.rand(40)})
    whole = path.read_bytes()
    begin = 8 + int.from_bytes(whole[:8], "little")
    for place in range(begin, size):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ModelFileError, match="is damaged"):
            read_packed(path)


def test_a_file_from_before_there_were_checksums_is_read(tmp_path: Path) -> None:
    weights = sparse(0.5, torch.float32, 9)
    path, _, _ = packed(tmp_path, {"w": weights})
    with safe_open(path, framework="pt") as file:
        told = json.loads(file.metadata()[FORMAT])
    del told["tensors"]["w"]["crc32"]
    save_file(load_file(path), path, {FORMAT: json.dumps(told)})
    assert same_bits(read_packed(path)["w"], weights)


def test_a_part_that_is_cut_is_refused(tmp_path: Path) -> None:
    path, _, _ = packed(tmp_path, {"w": sparse(0.5, torch.float32, 64)})
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = {"w": load_file(path)["w"][:-3].clone()}
    save_file(tensors, path, metadata)
    with pytest.raises(ModelFileError, match="is damaged"):
        read_packed(path)


def test_a_part_that_grows_beyond_what_it_should_be_is_refused_before_it_does(
    tmp_path: Path,
) -> None:
    huge = 1 << 28
    part = zstandard.ZstdCompressor().compress(bytes(huge))
    told = {"dtype": "uint8", "shape": [16], "sparse": False, "parts": [[len(part), 16]]}
    metadata = {FORMAT: json.dumps({"version": 1, "tensors": {"w": told}})}
    data = torch.frombuffer(bytearray(part), dtype=torch.uint8)
    save_file({"w": data}, tmp_path / PACKED, metadata)
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match="is damaged"):
            read_packed(tmp_path / PACKED)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < huge / 8


def test_a_packed_model_is_opened_as_the_class_that_it_would_be_dense(tmp_path: Path) -> None:
    folder = checkpoints.save(tmp_path / "m", "llama")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["LlamaModel"]}))

    def name() -> str:
        return type(load_model(Weights(folder), Place("cpu", "float32"))).__name__

    dense = name()
    pack_folder(folder)
    assert name() == dense == "LlamaForCausalLM"
