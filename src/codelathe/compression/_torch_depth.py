"""Whole blocks go, those that turn the hidden states least (ShortGPT, Men et al. 2024).

How much a block does is the angle between what enters and what leaves it, over pi, on average
over all calibration tokens (the distance of Gromov et al. 2024). All are measured once, on the
whole model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from codelathe.compression._torch_blocks import Stream, find_block_list
from codelathe.compression.listening import Heard
from codelathe.core.errors import UsageError


def prune_depth(
    model: Any, windows: Sequence[Sequence[int]], sparsity: float, heard: Heard
) -> tuple[int, ...]:
    """Drop the share `sparsity` of blocks, in place; the numbers of those that went.

    Raises:
        UsageError: so few blocks that none, or all, would go.
    """
    name, blocks = find_block_list(model)
    count = math.floor(len(blocks) * sparsity + 0.5)
    if not 0 < count < len(blocks):
        raise UsageError(
            f"a sparsity of {sparsity:g} is {count} of the model's {len(blocks)} blocks",
            hint=f"--sparsity {max(1, min(count, len(blocks) - 1)) / len(blocks):.2f}"
            if len(blocks) > 1
            else "choose --method l1-structured, which makes the one block smaller",
            field="sparsity",
        )
    influence = measure_influence(model, windows, heard)
    order = sorted(range(len(blocks)), key=lambda number: influence[number])
    gone = tuple(sorted(order[:count]))
    _drop(model, name, gone)
    return gone


def measure_influence(model: Any, windows: Sequence[Sequence[int]], heard: Heard) -> list[float]:
    """The mean angle, over pi, by which each block turns the hidden state of a token."""
    stream = Stream(model, windows)
    _, blocks = find_block_list(model)
    found = []
    for number in range(len(blocks)):
        heard("measuring", number, len(blocks))
        angles = 0.0
        for window, output in enumerate(stream.outputs(number)):
            angles += _angle(stream.states[window], output)
            stream.states[window] = output
        found.append(angles / len(windows))
    return found


def _angle(before: Tensor, after: Tensor) -> float:
    cosine = nn.functional.cosine_similarity(before.double(), after.double(), dim=-1)
    return float(torch.arccos(cosine.clamp(-1, 1)).mean()) / math.pi


def _drop(model: Any, name: str, gone: Sequence[int]) -> None:
    """Take the blocks out, and what the configuration tells of each by its number."""
    parent = model.get_submodule(name.rpartition(".")[0])
    blocks = getattr(parent, name.rpartition(".")[2])
    count = len(blocks)
    kept = [number for number in range(count) if number not in gone]
    left = nn.ModuleList(blocks[number] for number in kept)
    for number, block in enumerate(left):
        for module in block.modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = number
    setattr(parent, name.rpartition(".")[2], left)
    for config in {id(c): c for c in (model.config, model.config.get_text_config())}.values():
        for key, value in vars(config).items():
            if "layer" in key and isinstance(value, list) and len(value) == count:
                setattr(config, key, [value[number] for number in kept])
        config.num_hidden_layers = len(kept)
