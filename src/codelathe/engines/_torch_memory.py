"""Whether a model's weights fit into memory, told from its files before anything is loaded."""

from __future__ import annotations

import math
from pathlib import Path

import safetensors

from codelathe.core.checkpoint import weight_files
from codelathe.core.errors import EngineError
from codelathe.core.gguf import read_gguf_header
from codelathe.engines._torch_packed import count_packed, packed_file, unpacked_bytes
from codelathe.engines._torch_place import BITS, Place, Weights, free_memory
from codelathe.engines._torch_told import told_of


def check_memory(weights: Weights, place: Place) -> None:
    """Refuse what would end in the system killing this process, or half-way in an error."""
    with told_of(weights.path):
        needed, free = _needed(weights, place), free_memory(place.device)
    if needed > free:
        raise EngineError(
            f"{weights.path} takes {needed / 1e9:.1f} GB in {place.numbers}, and "
            f"{free / 1e9:.1f} GB of memory are free ({place.device})",
            hint="choose a smaller precision (bfloat16, int8, int4), or a GGUF file with the "
            "engine llamacpp",
        )


def _needed(weights: Weights, place: Place) -> int:
    """The bytes that the weights take in memory."""
    if weights.gguf:
        count = read_gguf_header(weights.path).parameters
    elif packed := packed_file(weights.path):
        # Unpacked it is in memory in what it is stored in, before it becomes anything else.
        return max(count_packed(packed) * BITS[place.precision] // 8, unpacked_bytes(packed))
    elif place.stored:  # as they are
        return sum(file.stat().st_size for file in weight_files(weights.path))
    else:
        count = sum(map(_count_weights, weight_files(weights.path)))
    return count * BITS[place.precision] // 8


def _count_weights(path: Path) -> int:
    with safetensors.safe_open(path, framework="pt") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
