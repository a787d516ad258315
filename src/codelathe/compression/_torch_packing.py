"""Weights with many zeros, stored packed. The form is told in core/packed.py.

What is left of a sparse matrix is a bit for each element and the bytes of those that are not
zero, sorted by significance: the exponents, which are alike, stand together and shrink to a
third; mantissas stay as they are. Zero is told by the bits, so -0.0 and NaN come back too.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
import zstandard
from safetensors.numpy import save_file

from codelathe.core.packed import ITEM_BYTES, PACKED, PackedTensor, packed_metadata

_LEVEL = 3
_INDEX = "model.safetensors.index.json"
_WORDS: dict[int, Any] = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def pack_folder(folder: Path) -> tuple[int, int]:
    """Replace the safetensors files in a checkpoint's folder by one packed file.

    Returns:
        The bytes of the weights before and after.
    """
    files = sorted(folder.glob("*.safetensors"))
    stored: dict[str, Any] = {}
    told: dict[str, PackedTensor] = {}
    for path in files:
        with safetensors.safe_open(path, framework="pt") as file:
            for name in sorted(file.keys()):
                stored[name], told[name] = pack_tensor(file.get_tensor(name))
    save_file(stored, folder / PACKED, packed_metadata(told))
    before = sum(path.stat().st_size for path in files)
    for path in files:
        path.unlink()
    (folder / _INDEX).unlink(missing_ok=True)
    return before, (folder / PACKED).stat().st_size


def pack_tensor(tensor: torch.Tensor) -> tuple[Any, PackedTensor]:
    """The bytes of a tensor packed, as an array, and how they are stored."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    size = ITEM_BYTES[dtype]
    raw = tensor.contiguous().reshape(-1).view(torch.uint8).numpy()
    words = raw.view(_WORDS[size])
    kept = words != 0
    zeros = words.size - int(np.count_nonzero(kept))
    sparse = zeros * size * 8 > words.size
    parts = [np.packbits(kept, bitorder="little")] if sparse else []
    values = (words[kept] if sparse else words).view(np.uint8).reshape(-1, size)
    parts += [np.ascontiguousarray(values[:, place]) for place in range(size)]
    shrunk = [_shrunk(part) for part in parts]
    sizes = tuple((len(now), part.size) for now, part in zip(shrunk, parts, strict=True))
    joined = _joined(shrunk)
    return joined, PackedTensor(dtype, tuple(tensor.shape), sparse, sizes, zlib.crc32(joined))


def _shrunk(part: Any) -> bytes:
    whole: bytes = part.tobytes()
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(whole)
    return packed if len(packed) < len(whole) else whole


def _joined(parts: Iterable[bytes]) -> Any:
    return np.frombuffer(b"".join(parts), np.uint8)
