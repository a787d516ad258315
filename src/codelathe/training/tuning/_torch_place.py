"""In which numbers a tuning computes here, and whether it will fit."""

from __future__ import annotations

import os
from typing import Any

import psutil
import torch

from codelathe.core.errors import EngineError, UsageError
from codelathe.training.recipe import ENCODER_DECODER, Recipe

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
#: AdamW's two moments and the gradient, in 32 bits.
_LEARNED = 12
#: Logits that exist at a time, and what libraries take: found by measuring small models.
_SPARE = 200 << 20


def choose_precision(recipe: Recipe) -> str:
    """The numbers that the recipe computes in on this machine.

    `auto` is bfloat16 where the graphics card, or the processor itself, multiplies it.

    Raises:
        UsageError: float16 without a graphics card.
    """
    asked = recipe.train.precision
    cuda = torch.cuda.is_available()
    if asked == "float16" and not cuda:
        raise UsageError(
            "float16 is for graphics cards, and there is none here",
            hint="precision = 'auto'",
            field="train.precision",
        )
    if asked != "auto":
        return asked
    if cuda:
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return "bfloat16" if _processor_has_bf16() else "float32"


def take_own_card() -> None:
    """Of several processes on a machine each works on a graphics card of its own."""
    rank = os.environ.get("LOCAL_RANK")
    if rank is not None and torch.cuda.is_available():
        torch.cuda.set_device(int(rank))


def _processor_has_bf16() -> bool:
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())  # noqa: SLF001


def loading_precision(recipe: Recipe, precision: str) -> str:
    """What the weights are loaded in: full tuning keeps 32 bits, so that small steps count."""
    if recipe.method.name == "full":
        return "float32"
    return recipe.method.quantization if recipe.method.name == "qlora" else precision


def require_memory(model: Any, trainable: int, recipe: Recipe, longest: int) -> None:
    """Refuse what would not fit; `longest` is the tokens of the largest part of a step.

    What is kept for the way back is estimated by the widths of the model's linear layers.

    Raises:
        EngineError: with what to lower.
    """
    device = next(model.parameters()).device
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _free()
    size = _BYTES["float32" if recipe.train.precision == "float32" else "bfloat16"]
    kept = _kept_each_token(model) * size * longest
    if recipe.train.gradient_checkpointing:
        layers = getattr(model.config.get_text_config(), "num_hidden_layers", 1) or 1
        kept = kept // layers * 2
    needed = trainable * _LEARNED + kept + _SPARE
    if needed > free:
        raise EngineError(
            f"tuning needs about {needed / 1e9:.1f} GB beside the model, and {free / 1e9:.1f} GB "
            f"are free ({device.type})",
            hint=lower(recipe),
        )


def lower(recipe: Recipe) -> str:
    """What of a recipe to lower where memory is short, the cheapest first."""
    train, choices = recipe.train, []
    if train.accumulate < train.rows:
        choices.append(f"train.accumulate = {train.rows} (a step in parts)")
    pairs = recipe.scratch is not None and recipe.scratch.architecture == ENCODER_DECODER
    if not train.gradient_checkpointing and not pairs:
        choices.append("train.gradient_checkpointing = true")
    choices.append(f"data.max_length below {recipe.data.max_length}")
    if recipe.scratch is not None:
        choices.append("scratch.size, or layers and width")
    elif recipe.method.name == "full":
        choices.append('method.name = "lora"')
    elif recipe.method.name == "lora":
        choices.append('method.name = "qlora"')
    return "lower one of: " + "; ".join(choices)


def _free() -> int:
    return int(psutil.virtual_memory().available)


def _kept_each_token(model: Any) -> int:
    """Numbers kept for a token, by the inputs and outputs of the linear layers."""
    head = model.get_output_embeddings()
    wide = sum(
        module.in_features + module.out_features
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head and "lora_" not in name
    )
    return int(wide * 3 // 2)  # norms, activations and attention keep half as much again
