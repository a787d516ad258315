"""An adapter put into its base's weights by PEFT, in 32 bits, and the result written.

Tied weights that an adapter changes on one side only are untied first: merged into a shared
matrix, a change of the head would change what every token is read as.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import peft
import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import ModulesToSaveWrapper
from safetensors import SafetensorError, safe_open

from codelathe.core.checkpoint import weight_files
from codelathe.core.errors import ModelFileError
from codelathe.core.packed import PACKED, parse_packed
from codelathe.training.tuning._torch_told import quiet

_BROKEN = (ValueError, RuntimeError, KeyError, TypeError, OSError, SafetensorError)
_TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_SHARD = "4GB"


def attach(model: Any, adapter: Path) -> Any:
    """`model` with the adapter in its layers, not merged.

    Raises:
        ModelFileError: it does not fit the model, or is of a kind that has no place in weights.
    """
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            adapted = peft.PeftModel.from_pretrained(model, adapter).eval()
    except _BROKEN as error:
        told = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelFileError(
            f"peft cannot put {adapter} on its base: {told[0][:300]}",
            hint="name the folder that the adapter was saved to, and the base it was made for",
        ) from None
    if adapted.active_peft_config.is_prompt_learning:
        kind = adapted.active_peft_config.peft_type.value
        raise ModelFileError(
            f"{adapter} is an adapter of the kind {kind}, which cannot be put into weights",
            hint=f"use it as it is: --model adapter:{adapter}",
        )
    if absent := [str(w.message) for w in said if "missing adapter keys" in str(w.message)]:
        raise ModelFileError(
            f"{adapter} does not hold the weights that its configuration names: {absent[0][:200]}",
            hint="name the folder that the adapter was saved to",
        )
    return adapted


def untie(adapted: Any) -> bool:
    """Give head and embedding weights of their own where the adapter changes one; if it did."""
    model = adapted.get_base_model()
    sides = [model.get_input_embeddings(), model.get_output_embeddings()]
    if None in sides or not any(
        isinstance(s, BaseTunerLayer | ModulesToSaveWrapper) for s in sides
    ):
        return False
    reading, head = (_own_layer(side) for side in sides)
    if reading.weight.data_ptr() == head.weight.data_ptr():
        head.weight = torch.nn.Parameter(head.weight.detach().clone(), requires_grad=False)
    model.config.tie_word_embeddings = False
    return True


def _own_layer(side: Any) -> Any:
    if isinstance(side, BaseTunerLayer):
        return side.get_base_layer()
    return side.original_module if isinstance(side, ModulesToSaveWrapper) else side


def merge_into(adapted: Any) -> Any:
    """The base's modules with the adapter in their weights.

    Raises:
        ModelFileError: the sum is no number somewhere.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return adapted.merge_and_unload(safe_merge=True)
    except ValueError as error:
        raise ModelFileError(
            f"the adapter cannot be merged: {error}",
            hint="its weights hold numbers that are none: tune again with a smaller learning rate",
        ) from None


def stored_types(path: Path) -> dict[str, torch.dtype]:
    """In what each tensor of a checkpoint's folder is stored; nothing for a GGUF file."""
    found: dict[str, torch.dtype] = {}
    if path.is_dir():
        for file in weight_files(path):
            with safe_open(file, framework="pt") as opened:
                if file.name == PACKED:
                    packed = parse_packed(opened.metadata(), file)
                    found |= {name: getattr(torch, told.dtype) for name, told in packed.items()}
                    continue
                for name in opened.keys():  # noqa: SIM118 (it is no dictionary)
                    kind = opened.get_slice(name).get_dtype()
                    if kind in _TYPES:
                        found[name] = _TYPES[kind]
    return found


def usual_type(precision: str, stored: Mapping[str, torch.dtype]) -> torch.dtype:
    """What most weights will be in: as asked, with `auto` as the base has most of them."""
    if precision != "auto":
        asked: torch.dtype = getattr(torch, precision)
        return asked
    return Counter(stored.values()).most_common(1)[0][0] if stored else torch.float32


def round_to(model: Any, precision: str, stored: Mapping[str, torch.dtype]) -> str:
    """Store the weights in `precision`; with `auto` each in what the base has it in.

    Gives the precision that most weights are in.

    Raises:
        ModelFileError: a weight is beyond what the precision holds.
    """
    usual = usual_type(precision, stored)
    for name, weights in model.named_parameters():
        target = stored.get(name, usual) if precision == "auto" else usual
        weights.requires_grad_(False)
        weights.data = weights.data.to(target)
        if not torch.isfinite(weights.data).all():
            raise ModelFileError(
                f"{name} holds numbers that {str(target).removeprefix('torch.')} has not",
                hint="--precision bfloat16, or float32",
            )
    model.config.dtype = usual
    return str(usual).removeprefix("torch.")


def write(model: Any, tokenizer: Any, folder: Path) -> None:
    """The checkpoint's files: weights, configurations, tokenizer with its template."""
    with quiet():
        model.save_pretrained(folder, max_shard_size=_SHARD)
        tokenizer.save_pretrained(folder)


def written_types(folder: Path) -> dict[str, str]:
    """In what each tensor was written, by name."""
    return {
        name: str(kind).removeprefix("torch.")
        for name, kind in sorted(stored_types(folder).items())
    }


def parameters(model: Any) -> int:
    """The number of weights, tied ones once."""
    return sum(weights.numel() for weights in model.parameters())


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer, as the model's files name them."""
    ends: set[int] = set()
    settings = getattr(model.generation_config, "eos_token_id", None)
    own = getattr(model.config, "eos_token_id", None)
    for token in (tokenizer.eos_token_id, own, settings):
        ends.update(token if isinstance(token, list) else [] if token is None else [token])
    return frozenset(ends)
