"""The header of a GGUF file: its metadata and its table of tensors, never the weights.

Follows the GGUF specification, versions 2 and 3 (ggml-org/ggml, docs/gguf.md). Arrays
(the vocabulary, the merges) are skipped over and reported only by their length.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from codelathe.core.errors import ModelFileError

MAGIC = b"GGUF"
ALIGNMENT = 32
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
#: ggml type -> (name, values in a block, bytes of a block)
_GGML_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292), 30: ("BF16", 1, 2),
}  # fmt: skip
_MAX_STRING = 1 << 24
_MAX_ITEMS = 1 << 24


@dataclass(frozen=True, slots=True)
class Tensor:
    """One row of the tensor table. `offset` counts bytes from the start of the data."""

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    nbytes: int | None


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF file says of itself. Arrays stand in `metadata` as their length."""

    path: Path
    version: int
    metadata: dict[str, Any]
    tensors: tuple[Tensor, ...]
    data_start: int
    vocabulary_start: int | None = None

    @property
    def architecture(self) -> str:
        """For example `qwen2` or `llama`."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def context_length(self) -> int | None:
        """The context the model was trained for, in tokens."""
        value = self.metadata.get(f"{self.architecture}.context_length")
        return int(value) if value is not None else None

    @property
    def chat_template(self) -> str:
        """The model's own Jinja template, empty for a base model."""
        return str(self.metadata.get("tokenizer.chat_template", ""))

    def special_token(self, kind: str) -> str:
        """The text of the `bos`, `eos`, ... token, empty where the model has none."""
        index = self.metadata.get(f"tokenizer.ggml.{kind}_token_id")
        if index is None or self.vocabulary_start is None:
            return ""
        with self.path.open("rb") as file:
            return _Reader(file, self.path).string_of_array(self.vocabulary_start, int(index))

    @property
    def parameters(self) -> int:
        """The number of weights."""
        total = 0
        for tensor in self.tensors:
            count = 1
            for size in tensor.shape:
                count *= size
            total += count
        return total


def read_gguf_header(path: str | os.PathLike[str]) -> GgufHeader:
    """Read the header of the GGUF file at `path`.

    Raises:
        ModelFileError: not a GGUF file, a broken header, or a file shorter than its
            tensor table says.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            header = _Reader(file, path).header()
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror}") from None
    except (struct.error, UnicodeDecodeError, RecursionError):
        raise _broken(path, "its header is cut short or garbled") from None
    _check_length(header)
    return header


class _Reader:
    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path

    def header(self) -> GgufHeader:
        if self._file.read(4) != MAGIC:
            raise _broken(self._path, "it does not start with 'GGUF'")
        version = self._number("I")
        if version not in (2, 3):
            raise _broken(self._path, f"GGUF version {version} is not 2 or 3")
        tensor_count, pair_count = self._number("Q"), self._number("Q")
        if max(tensor_count, pair_count) > _MAX_ITEMS:
            raise _broken(self._path, "its header counts are absurd")
        metadata: dict[str, Any] = {}
        vocabulary = None
        for _ in range(pair_count):
            key = self._string()
            kind = self._number("I")
            if key == "tokenizer.ggml.tokens":
                vocabulary = self._file.tell()
            metadata[key] = self._value(kind)
        tensors = tuple(self._tensor() for _ in range(tensor_count))
        align = int(metadata.get("general.alignment", ALIGNMENT)) or ALIGNMENT
        start = -(-self._file.tell() // align) * align
        return GgufHeader(self._path, version, metadata, tensors, start, vocabulary)

    def string_of_array(self, start: int, index: int) -> str:
        """String number `index` of the array of strings at byte `start`."""
        self._file.seek(start)
        kind, count = self._number("I"), self._number("Q")
        if kind != _STRING or not 0 <= index < count:
            raise _broken(self._path, f"its vocabulary of {count} has no token {index}")
        self._skip_strings(index)
        return self._string()

    def _number(self, code: str) -> Any:
        size = struct.calcsize("<" + code)
        return struct.unpack("<" + code, self._file.read(size))[0]

    def _string(self) -> str:
        length = self._number("Q")
        if length > _MAX_STRING:
            raise _broken(self._path, "its header has an absurd string length")
        data = self._file.read(length)
        if len(data) != length:
            raise _broken(self._path, "it ends inside its header")
        return data.decode("utf-8")

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._skip_array()
        if kind not in _SCALARS:
            raise _broken(self._path, f"its header has the unknown value type {kind}")
        return self._number(_SCALARS[kind])

    def _skip_array(self) -> int:
        kind, count = self._number("I"), int(self._number("Q"))
        if count > _MAX_ITEMS:
            raise _broken(self._path, "its header has an absurd array length")
        if kind in _SCALARS:
            self._file.seek(count * struct.calcsize("<" + _SCALARS[kind]), os.SEEK_CUR)
        elif kind == _STRING:
            self._skip_strings(count)
        else:
            for _ in range(count):
                self._value(kind)
        return count

    def _skip_strings(self, count: int) -> None:
        read, seek, unpack = self._file.read, self._file.seek, struct.Struct("<Q").unpack
        for _ in range(count):
            length = unpack(read(8))[0]
            if length > _MAX_STRING:
                raise _broken(self._path, "its header has an absurd string length")
            if length < 4096:
                read(length)  # inside the buffer: cheaper than a seek
            else:
                seek(length, os.SEEK_CUR)

    def _tensor(self) -> Tensor:
        name = self._string()
        shape = tuple(self._number("Q") for _ in range(self._number("I")))
        kind, offset = self._number("I"), self._number("Q")
        label, block, size = _GGML_TYPES.get(kind, (f"type {kind}", 0, 0))
        count = 1
        for extent in shape:
            count *= extent
        return Tensor(name, shape, label, offset, count // block * size if block else None)


def _check_length(header: GgufHeader) -> None:
    ends = [t.offset + t.nbytes for t in header.tensors if t.nbytes is not None]
    need = header.data_start + max(ends, default=0)
    have = header.path.stat().st_size
    if have < need:
        raise _broken(header.path, f"it has {have:,} bytes where its tensors need {need:,}")


def _broken(path: Path, why: str) -> ModelFileError:
    return ModelFileError(
        f"{path} is not a usable GGUF file: {why}",
        hint="fetch it again (lathe models pull NAME), or name another file",
    )
