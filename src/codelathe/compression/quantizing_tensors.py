"""In which numbers each tensor of a model on disk is stored: read off headers, nothing loaded."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.core.gguf import read_gguf_header

#: safetensors' names of types -> torch's.
_TYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
#: Numbers that are not quantized.
WHOLE = frozenset({"float64", "float32", "float16", "bfloat16", "F32", "F16", "BF16", "f32", "f16"})
#: The marks by which bitsandbytes tells its own tensors.
_STATE, _EIGHT_BITS = ".quant_state.bitsandbytes__", "SCB"


@dataclass(frozen=True, slots=True)
class Stored:
    """One tensor: its type, and how many weights it stands for (0 for scales and the like)."""

    name: str
    type: str
    weights: int


def count_types(tensors: Iterable[Stored]) -> dict[str, dict[str, int]]:
    """Tensors and weights by type, those with the most weights first; scales are left out."""
    tensors = [tensor for tensor in tensors if tensor.weights]
    count, weights = Counter(t.type for t in tensors), Counter[str]()
    for tensor in tensors:
        weights[tensor.type] += tensor.weights
    return {
        kind: {"tensors": count[kind], "weights": total} for kind, total in weights.most_common()
    }


def share_whole(tensors: Iterable[Stored]) -> tuple[float, list[str]]:
    """The share of the weights that are not quantized; the tensors with them, largest first."""
    tensors = list(tensors)
    whole = sorted((t for t in tensors if t.type in WHOLE), key=lambda t: -t.weights)
    total = sum(tensor.weights for tensor in tensors)
    left = [tensor.name for tensor in whole if tensor.weights]
    return sum(tensor.weights for tensor in whole) / max(total, 1), left


def gguf_tensors(path: Path) -> tuple[Stored, ...]:
    """Those of a GGUF file."""
    return tuple(
        Stored(tensor.name, tensor.type, math.prod(tensor.shape))
        for tensor in read_gguf_header(path).tensors
    )


def folder_tensors(folder: Path) -> tuple[Stored, ...]:
    """Those of the safetensors files in a folder, bitsandbytes' 4-bit ones by their own names."""
    headers: dict[str, Mapping[str, Any]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        headers.update(_header(file))
    packed = {
        name.partition(_STATE)[0]: name.partition(_STATE)[2] for name in headers if _STATE in name
    }
    return tuple(_stored(name, headers, packed) for name in headers)


def _stored(
    name: str, headers: Mapping[str, Mapping[str, Any]], packed: Mapping[str, str]
) -> Stored:
    kind = _TYPES.get(headers[name]["dtype"], str(headers[name]["dtype"]))
    count = math.prod(headers[name]["shape"])
    if name in packed:
        return Stored(name, packed[name], 2 * count)
    of_packed = name.rpartition(".")[0] in packed or _STATE in name
    scales = name.rpartition(".")[2] in (_EIGHT_BITS, "weight_format", "weight_scale")
    return Stored(name, kind, 0 if of_packed or scales else count)


def _header(file: Path) -> dict[str, Mapping[str, Any]]:
    with file.open("rb") as opened:
        size = int.from_bytes(opened.read(8), "little")
        told = json.loads(opened.read(size))
    return {name: tensor for name, tensor in told.items() if name != "__metadata__"}
