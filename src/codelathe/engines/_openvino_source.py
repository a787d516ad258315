"""What the engine `openvino` loads: a GGUF file, converted once, or a folder in OpenVINO's form.

Such a folder is what `lathe compress quantize` makes and what optimum-intel exports: the model,
tokenizer and detokenizer as `openvino_*.xml` with `.bin` beside, and the JSON files of the
checkpoint that it was made from.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from codelathe.core.checkpoint import CheckpointHeader, read_checkpoint_header
from codelathe.core.errors import ModelFileError
from codelathe.core.gguf import GgufHeader, read_gguf_header
from codelathe.engines._converted import load_converted, unreadable
from codelathe.engines._prompting import with_one_bos

T = TypeVar("T")
MODEL = "openvino_model.xml"
#: All of them make a model that can be asked.
_PARTS = tuple(
    f"openvino_{part}.{kind}"
    for part in ("model", "tokenizer", "detokenizer")
    for kind in ("xml", "bin")
)
#: A model of fewer weights than this spends much of a step on reading keys and values, which
#: is quicker in 16 bits, and has the memory to spare.
_SMALL = 500_000_000


class Source(Protocol):
    """A model that OpenVINO can load, and what has to be known of it beside."""

    @property
    def header(self) -> GgufHeader | CheckpointHeader:
        """Path, context length and template."""
        ...

    @property
    def small(self) -> bool:
        """Whether it has few weights."""
        ...

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that its files say end an answer."""
        ...

    def load(self, open_folder: Callable[[Path], T], cache: Path) -> T:
        """What `open_folder` makes of the folder in OpenVINO's form."""
        ...

    def begun(self, tokens: list[int], tokenizer: Any) -> list[int]:
        """`tokens` with one BOS in front where the model wants one."""
        ...


def open_source(path: Path) -> Source:
    """The GGUF file or folder at `path`.

    Raises:
        ModelFileError: it is neither, incomplete, or of a kind that OpenVINO cannot read.
    """
    if not path.is_dir():
        header = read_gguf_header(path)
        if reason := unreadable(header):
            raise ModelFileError(
                f"OpenVINO cannot read {path}: {reason}", hint="choose --engine llamacpp"
            )
        return _Gguf(header)
    if missing := [name for name in _PARTS if not (path / name).is_file()]:
        raise ModelFileError(
            f"{path} is no whole model in OpenVINO's form: it has no {missing[0]}",
            hint="make it again, or fetch it again",
        )
    return _Folder(read_checkpoint_header(path))


@dataclass(frozen=True, slots=True)
class _Gguf:
    header: GgufHeader

    @property
    def small(self) -> bool:
        return self.header.parameters < _SMALL

    @property
    def ends(self) -> frozenset[int]:
        return _ids(self.header.metadata.get("tokenizer.ggml.eos_token_id"))

    def load(self, open_folder: Callable[[Path], T], cache: Path) -> T:
        return load_converted(self.header, cache, open_folder)

    def begun(self, tokens: list[int], tokenizer: Any) -> list[int]:  # noqa: ARG002
        return with_one_bos(tokens, self.header)


@dataclass(frozen=True, slots=True)
class _Folder:
    header: CheckpointHeader

    @property
    def small(self) -> bool:
        """By its bytes: weights here have 8 bits or fewer, or are few."""
        return (self.header.path / MODEL).with_suffix(".bin").stat().st_size < _SMALL

    @property
    def ends(self) -> frozenset[int]:
        settings = self.header.path / "generation_config.json"
        try:
            told = json.loads(settings.read_text(encoding="utf-8"))["eos_token_id"]
        except (OSError, ValueError, KeyError, TypeError):
            told = None
        return _ids(self.header.config.get("eos_token_id")) | _ids(told)

    def load(self, open_folder: Callable[[Path], T], cache: Path) -> T:  # noqa: ARG002
        try:
            return open_folder(self.header.path)
        except RuntimeError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise ModelFileError(
                f"OpenVINO cannot load {self.header.path}: {lines[-1] if lines else error}",
                hint="make it again, or fetch it again",
            ) from None

    def begun(self, tokens: list[int], tokenizer: Any) -> list[int]:
        bos = self.header.config.get("bos_token_id")
        first = tokenizer.encode("x", add_special_tokens=True).input_ids.data[0][:1]
        if not isinstance(bos, int) or list(first) != [bos] or tokens[:1] == [bos]:
            return tokens
        return [bos, *tokens]


def _ids(told: Any) -> frozenset[int]:
    many = told if isinstance(told, list) else [told]
    return frozenset(int(token) for token in many if isinstance(token, int) and token >= 0)
