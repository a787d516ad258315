"""Where a checkpoint runs and in which numbers: what is asked for, what this machine can."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import psutil
import torch

from codelathe.core.checkpoint import CheckpointHeader
from codelathe.core.errors import MissingDependency, UnknownName, UnsupportedArgument
from codelathe.core.gguf import GgufHeader
from codelathe.engines import _torch_seq2seq

Precision = Literal["auto", "float32", "bfloat16", "float16", "int8", "int4"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
QUANTIZED = ("int8", "int4")
BITS = {"float32": 32, "bfloat16": 16, "float16": 16, "int8": 8, "int4": 4}


@dataclass(frozen=True, slots=True)
class Weights:
    """What to load: `path` is a checkpoint's folder or a GGUF file, `adapter` a PEFT folder.

    `pickled` also takes weights that are stored as pickles.
    """

    path: Path
    adapter: Path | None = None
    precision: str = "auto"
    pickled: bool = False

    @property
    def gguf(self) -> bool:
        """Whether `path` is a GGUF file."""
        return self.path.is_file()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model runs and in which numbers; `stored` is how its weights are quantized already.

    Of such weights `precision` is what is computed in.
    """

    device: str
    precision: str
    stored: str = ""

    @property
    def numbers(self) -> str:
        """What its weights are, in a word."""
        return self.stored or self.precision


def choose_place(weights: Weights, header: GgufHeader | CheckpointHeader) -> Place:
    """The first GPU where there is one, else the processor; numbers as asked for.

    `auto` is 32 bits on processors, where the text then is that of any other program, and on
    GPUs what the checkpoint is stored in (bfloat16 for quantized GGUF files). A checkpoint that
    is quantized already computes as it was stored to.

    Raises:
        UnknownName: no such precision.
        UnsupportedArgument: one that this machine or these weights cannot have.
        MissingDependency: bitsandbytes is not installed.
    """
    asked = weights.precision
    if asked not in PRECISIONS:
        raise UnknownName("precision", asked, PRECISIONS, field="precision")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    stored = header.quantization if isinstance(header, CheckpointHeader) else ""
    if asked == "auto":
        plain = device == "cpu" and not stored
        return Place(device, "float32" if plain else _stored(header), stored)
    if asked in QUANTIZED:
        _check_quantizable(weights, header, asked)
    return Place(device, asked, stored)


def free_memory(device: str) -> int:
    """The bytes that can be taken on the device now."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)


def _check_quantizable(weights: Weights, header: GgufHeader | CheckpointHeader, asked: str) -> None:
    if isinstance(header, GgufHeader) or header.quantization:
        raise UnsupportedArgument(
            f"{weights.path} is quantized already and cannot be loaded in {asked}",
            hint="leave the precision out, or name the checkpoint it was made from",
            field="precision",
        )
    if header.architecture == _torch_seq2seq.MODEL_TYPE:
        raise UnsupportedArgument(
            f"{weights.path} cannot be loaded in {asked}: the attention of torch.nn.Transformer "
            "takes no quantized weights",
            hint="leave the precision out, or choose bfloat16",
            field="precision",
        )
    if find_spec("bitsandbytes") is None:
        raise MissingDependency("bitsandbytes", "compress", f"loading weights in {asked}")


def _stored(header: GgufHeader | CheckpointHeader) -> str:
    """The precision that a checkpoint is stored in, of those a GPU computes in."""
    if isinstance(header, GgufHeader):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    stored = str(header.config.get("dtype") or header.config.get("torch_dtype"))
    return stored if stored in ("bfloat16", "float16") else "float32"
