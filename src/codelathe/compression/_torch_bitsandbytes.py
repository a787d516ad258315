"""Checkpoints in 8 and 4 bits by bitsandbytes, as `transformers` itself saves and loads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from codelathe.core.errors import UnsupportedArgument

#: Inputs that share a scale in 4 bits. The kernel for processors takes whole ones only.
_BLOCK = 64


def check_layers(model: Any, kind: str) -> None:
    """Refuse a model that bitsandbytes could not compute with.

    Raises:
        UnsupportedArgument: a layer's inputs are no whole blocks, or there are no linear layers.
    """
    widths = {m.in_features for m in model.modules() if type(m) is torch.nn.Linear}
    if not widths:
        raise UnsupportedArgument(
            f"bitsandbytes finds no linear layer to quantize in a {model.config.model_type}",
            hint="choose another method: dynamic-int8, q8_0",
            field="method",
        )
    if kind == "int8" or torch.cuda.is_available():
        return
    if odd := sorted(width for width in widths if width % _BLOCK):
        raise UnsupportedArgument(
            f"bitsandbytes computes in blocks of {_BLOCK} on processors, and layers of this model "
            f"have {odd[0]} inputs",
            hint="choose another method: int8, dynamic-int8, q4_1",
            field="method",
        )


def load_quantized(folder: Path, kind: str) -> Any:
    """The checkpoint in `folder` with its linear layers in `int8` or `nf4`.

    Embeddings, and a head that shares their weights, are left as they are, which is what
    `transformers` does with either. What is not quantized is in the numbers that the
    kernels compute in: float16 beside int8, bfloat16 beside nf4.
    """
    eight = kind == "int8"
    computed = torch.float16 if eight else torch.bfloat16
    settings = transformers.BitsAndBytesConfig(
        load_in_8bit=eight,
        load_in_4bit=not eight,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=computed,
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=settings, dtype=computed, device_map={"": device},
        local_files_only=True,
    )  # fmt: skip
    return model.eval()
