"""Packed weights as the tensors they were made of, bit for bit. Packing is not done here."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch

from codelathe.core.errors import MissingDependency, ModelFileError
from codelathe.core.packed import PACKED, PackedTensor, parse_packed

#: Unsigned numbers as wide as an element: moved about without being looked at.
_WORDS: dict[int, Any] = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def packed_file(folder: Path) -> Path | None:
    """The packed weights in a checkpoint's folder, None where its weights are not packed."""
    path = folder / PACKED
    return path if path.is_file() else None


def count_packed(path: Path) -> int:
    """The weights of the whole model, zeros included.

    Raises:
        ModelFileError: it is no packed file.
    """
    with safetensors.safe_open(path, framework="np") as file:
        return sum(tensor.count for tensor in parse_packed(file.metadata(), path).values())


def unpacked_bytes(path: Path) -> int:
    """The bytes that the whole model takes once it is read, in the numbers it is stored in.

    Raises:
        ModelFileError: it is no packed file.
    """
    with safetensors.safe_open(path, framework="np") as file:
        tensors = parse_packed(file.metadata(), path).values()
        return sum(tensor.count * tensor.item_bytes for tensor in tensors)


def read_packed(path: Path) -> dict[str, torch.Tensor]:
    """Every tensor of the packed file, by its name.

    Raises:
        ModelFileError: it is no packed file, or damaged.
        MissingDependency: zstandard is not installed.
    """
    if find_spec("zstandard") is None:
        raise MissingDependency("zstandard", "compress", "reading packed weights")
    with safetensors.safe_open(path, framework="np") as file:
        tensors = parse_packed(file.metadata(), path)
        try:
            return {name: _unpacked(file.get_tensor(name), t) for name, t in tensors.items()}
        except _Damaged as error:
            raise ModelFileError(f"{path} is damaged: {error}", hint="fetch it again") from None


def packed_class(auto: Any, config: Any) -> Any:
    """The class that the Auto class `auto` makes of `config`.

    Weights that are handed in are taken by this class alone, not by the Auto classes. What
    `config` itself names may be any class: it comes with the weights.
    """
    with torch.device("meta"):
        return type(auto.from_config(config))


class _Damaged(Exception):
    """What is stored is not what the metadata tells."""


def _unpacked(data: Any, tensor: PackedTensor) -> torch.Tensor:
    parts = list(_parts(data, tensor))
    planes = parts[1:] if tensor.sparse else parts
    mixed = np.empty((tensor.stored, tensor.item_bytes), np.uint8)
    for place, plane in enumerate(planes):
        mixed[:, place] = plane
    words = mixed.view(_WORDS[tensor.item_bytes]).reshape(-1)
    if tensor.sparse:
        kept = np.unpackbits(parts[0], count=tensor.count, bitorder="little").view(bool)
        if np.count_nonzero(kept) != tensor.stored:
            raise _Damaged("a bitmap does not fit its values")
        whole = np.zeros(tensor.count, words.dtype)
        whole[kept] = words
        words = whole
    found = torch.from_numpy(words.view(np.uint8)).view(getattr(torch, tensor.dtype))
    return found.reshape(tensor.shape)


def _parts(data: Any, tensor: PackedTensor) -> Iterator[Any]:
    """The bytes that each part means."""
    import zstandard

    if data.dtype != np.uint8 or data.size != sum(stored for stored, _ in tensor.parts):
        raise _Damaged("a tensor has not the size it should have")
    if tensor.crc32 not in (None, zlib.crc32(data)):
        raise _Damaged("the bytes of a tensor are not those that were written")
    reader, at = zstandard.ZstdDecompressor(), 0
    for stored, meant in tensor.parts:
        part = data[at : at + stored]
        at += stored
        if stored != meant:
            try:
                # What a frame says of its size is believed by the reader, whatever it is told.
                if zstandard.frame_content_size(part) not in (-1, meant):
                    raise _Damaged("a part says that it is of another size than it should be")
                whole = reader.decompress(part, max_output_size=meant, allow_extra_data=False)
            except zstandard.ZstdError as error:
                raise _Damaged(str(error)) from None
            part = np.frombuffer(whole, np.uint8)
        if part.size != meant:
            raise _Damaged("a part has not the size it should have")
        yield part
