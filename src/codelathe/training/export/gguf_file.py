"""A GGUF file written tensor by tensor: at no time is more than one of them in memory.

Types follow llama.cpp: norms, biases and position embeddings stay in 32 bits, a row that is no
whole number of blocks in 16. The package `gguf` quantizes; of the kinds of fewer bits it has no
6-bit one for the output matrix, which is kept in 8 instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.core.errors import ModelFileError, UnknownName
from codelathe.training.export.staging import check_room, writing

if TYPE_CHECKING:
    import gguf
    import numpy as np

#: Name of a type -> llama.cpp's number for a file that is mostly of it.
TYPES = {"f16": 1, "q8_0": 7, "q5_1": 9, "q4_1": 3}
_QUANTIZATION_VERSION = 2
_HEADER = 1 << 20
_FLOATS = ("_norm.weight", "position_embd.weight", "rope_freqs.weight")


@dataclass(frozen=True, slots=True)
class Weight:
    """One tensor: its shape, rows first, and what reads it (float32)."""

    shape: tuple[int, ...]
    load: Callable[[], np.ndarray]


@dataclass(frozen=True, slots=True)
class Content:
    """What goes into a file. `metadata` are keys with values; plain numbers become 32 bits."""

    architecture: str
    metadata: Sequence[tuple[str, Any]]
    tensors: Sequence[tuple[str, Weight]]
    notes: tuple[str, ...] = ()


def write_gguf(
    content: Content, path: Path, kind: str, heard: Callable[[int, int], None]
) -> dict[str, str]:
    """Write `content` with its matrices as `kind`; the type of each tensor.

    Raises:
        UnknownName: no such type.
        ModelFileError: a weight is no number, or too large for 16 bits.
        DiskFull: there is no room.
    """
    import gguf

    if kind not in TYPES:
        raise UnknownName("type", kind, TYPES, field="type")
    tied = all(name != "output.weight" for name, _ in content.tensors)
    planned = [(name, w, _type_of(name, w.shape, kind, tied=tied)) for name, w in content.tensors]
    writer = gguf.GGUFWriter(path, content.architecture)
    _add_metadata(writer, content.metadata, kind)
    for name, weight, chosen in planned:
        _announce(writer, name, weight.shape, chosen)
    check_room(path.parent, _HEADER + sum(t.nbytes for t in writer.tensors[0].values()))
    try:
        with writing(path):
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
        for number, (name, weight, chosen) in enumerate(planned, 1):
            stored = _stored(name, weight, chosen)
            with writing(path):
                writer.write_tensor_data(stored)
            heard(number, len(planned))
    finally:
        with writing(path):
            writer.close()
    return {name: chosen.name for name, _, chosen in planned}


def _add_metadata(writer: gguf.GGUFWriter, metadata: Sequence[tuple[str, Any]], kind: str) -> None:
    from gguf import GGUFValueType
    from gguf.gguf_writer import GGUFValue

    for key, value in metadata:
        if isinstance(value, GGUFValue):  # as another file has it
            writer.add_key_value(key, value.value, value.type, value.sub_type)
            continue
        told = GGUFValueType.get_type(value)
        if told is GGUFValueType.INT32 and value >= 0:
            told = GGUFValueType.UINT32
        writer.add_key_value(key, value, told)
    writer.add_uint32("general.file_type", TYPES[kind])
    writer.add_uint32("general.quantization_version", _QUANTIZATION_VERSION)


def _announce(
    writer: gguf.GGUFWriter, name: str, shape: tuple[int, ...], chosen: gguf.GGMLQuantizationType
) -> None:
    import math

    import gguf
    import numpy as np

    block, size = gguf.GGML_QUANT_SIZES[chosen]
    nbytes = math.prod(shape) // block * size
    if block == 1:
        plain = np.dtype(np.float32 if size == 4 else np.float16)
        writer.add_tensor_info(name, shape, plain, nbytes, raw_dtype=chosen)
    else:
        rows = gguf.quant_shape_to_byte_shape(shape, chosen)
        writer.add_tensor_info(name, rows, np.dtype(np.uint8), nbytes, raw_dtype=chosen)


def _type_of(
    name: str, shape: tuple[int, ...], kind: str, *, tied: bool
) -> gguf.GGMLQuantizationType:
    import gguf

    types = gguf.GGMLQuantizationType
    if len(shape) < 2 or name.endswith(_FLOATS) or not name.endswith(".weight"):
        return types.F32
    head = name == ("token_embd.weight" if tied else "output.weight")
    chosen = types.Q8_0 if head and kind.startswith(("q4", "q5")) else types[kind.upper()]
    block, _ = gguf.GGML_QUANT_SIZES[chosen]
    return chosen if shape[-1] % block == 0 else types.F16


def _stored(name: str, weight: Weight, chosen: gguf.GGMLQuantizationType) -> np.ndarray:
    import gguf
    import numpy as np

    values = np.ascontiguousarray(weight.load(), dtype=np.float32)
    with np.errstate(over="ignore"):  # looked at below
        stored: np.ndarray = gguf.quantize(values, chosen)
    seen = values if stored.dtype == np.uint8 else stored
    if not np.isfinite(seen).all():
        finite = bool(np.isfinite(values).all())
        raise ModelFileError(
            f"{name} holds numbers that "
            + ("16 bits have not (beyond 65,504)" if finite else "are none (NaN or infinite)"),
            hint="--type q8_0" if finite else "make the model again, with a smaller learning rate",
        )
    return stored
