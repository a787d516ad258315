"""Packed weights: the safetensors file in which a zero takes one bit. What it says of itself.

`model.packed.safetensors` lies where `model.safetensors` would, under a name that other
programs do not take for it. Each tensor of the model is a tensor of bytes (`U8`) of the same
name. Its parts stand one behind the other: for a sparse tensor first the bitmap (bit `i` of
byte `j` tells whether element `8 j + i` is stored), then the stored elements' bytes by
significance, the lowest byte of all of them first. Each part is one zstd frame, or as it is
where that is no longer. The file's metadata has one entry, `codelathe.packed`: a JSON object of the
`version` and of every tensor's `dtype`, `shape`, `sparse`, `parts` (bytes stored, bytes meant) and
`crc32` (of the bytes stored).

This module knows the form alone; packing and unpacking need torch and stand elsewhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.core.errors import ModelFileError

PACKED = "model.packed.safetensors"
FORMAT = "codelathe.packed"
VERSION = 1
#: Bytes of an element, by torch's name of its type.
ITEM_BYTES = {
    "float64": 8, "int64": 8, "float32": 4, "int32": 4, "bfloat16": 2, "float16": 2, "int16": 2,
    "int8": 1, "uint8": 1, "bool": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PackedTensor:
    """How one tensor is stored. `parts` are (bytes stored, bytes meant), in order.

    `crc32` is of the bytes stored, None in files that were written before there was one.
    """

    dtype: str
    shape: tuple[int, ...]
    sparse: bool
    parts: tuple[tuple[int, int], ...]
    crc32: int | None = None

    @property
    def count(self) -> int:
        """The elements of the tensor, zeros included."""
        return math.prod(self.shape)

    @property
    def item_bytes(self) -> int:
        """The bytes of one element."""
        return ITEM_BYTES[self.dtype]

    @property
    def stored(self) -> int:
        """The elements that are stored."""
        return self.parts[-1][1]

    def document(self) -> dict[str, Any]:
        """As the metadata has it."""
        return {
            "dtype": self.dtype,
            "shape": list(self.shape),
            "sparse": self.sparse,
            "parts": [list(part) for part in self.parts],
            "crc32": self.crc32,
        }


def packed_metadata(tensors: Mapping[str, PackedTensor]) -> dict[str, str]:
    """The metadata of a packed file; one entry, since files order several as they like."""
    documents = {name: tensor.document() for name, tensor in tensors.items()}
    told = {"version": VERSION, "tensors": documents}
    return {FORMAT: json.dumps(told, separators=(",", ":"))}


def parse_packed(metadata: Mapping[str, str] | None, path: Path) -> dict[str, PackedTensor]:
    """How each tensor of the packed file at `path` is stored.

    Raises:
        ModelFileError: it is no packed file, of a later version, or damaged.
    """
    found = (metadata or {}).get(FORMAT)
    if found is None:
        raise _refused(path, f"its metadata has no {FORMAT}")
    try:
        told = json.loads(found)
        version = told["version"]
        documents = told["tensors"] if version == VERSION else {}
        tensors = {name: _tensor(document) for name, document in documents.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _refused(path, "it does not tell how its tensors are stored") from None
    if version != VERSION:
        raise ModelFileError(
            f"{path} is packed in version {version!r}, and this program reads {VERSION}",
            hint="pip install --upgrade codelathe",
        )
    return tensors


def _tensor(document: Mapping[str, Any]) -> PackedTensor:
    tensor = PackedTensor(
        dtype=document["dtype"],
        shape=tuple(map(_natural, document["shape"])),
        sparse=bool(document["sparse"]),
        parts=tuple((_natural(stored), _natural(meant)) for stored, meant in document["parts"]),
        crc32=document.get("crc32"),
    )
    meant = [size for _, size in tensor.parts]
    planes = meant[tensor.sparse :]
    fits = len(planes) == tensor.item_bytes and len(set(planes)) == 1
    if tensor.sparse:
        fits = fits and meant[0] == -(-tensor.count // 8) and planes[0] <= tensor.count
    else:
        fits = fits and planes[0] == tensor.count
    if not fits:
        raise ValueError(document)
    return tensor


def _natural(number: Any) -> int:
    if not isinstance(number, int) or number < 0:
        raise ValueError(number)
    return number


def _refused(path: Path, why: str) -> ModelFileError:
    return ModelFileError(
        f"{path} is no file of packed weights: {why}", hint="make or fetch the model again"
    )
