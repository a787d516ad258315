"""Recovery: a pruned model learns from the one it was made of, and its zeros stay zeros.

Low-rank changes (Hu et al. 2021) of the blocks' linear layers are learned *under the mask*: a
layer computes with mask * (W + B A), so what is learned is what is merged in the end, and no step
ever sees a weight that will not be there. The loss is the divergence of the original's next-token
probabilities from the pruned model's (distillation, Hinton et al. 2015), plus the loss on the text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from codelathe.compression._torch_blocks import Layer, find_blocks
from codelathe.compression.listening import Heard
from codelathe.compression.perplexity import measure_perplexity

#: Windows a step learns from, one after the other.
BATCH = 4
RANK = 16
LEARNING_RATE = 4e-4
#: Of the steps, those in which the rate rises to its height before it falls along a cosine.
_WARMING = 0.1
#: Of the windows, those held out to see what was won.
_HELD_OUT = 0.1


@dataclass(frozen=True, slots=True)
class Recovered:
    """The perplexity on windows that were not learned from, and how much was learned from."""

    steps: int
    tokens: int
    held_out: int
    original: float
    pruned: float
    recovered: float


class _MaskedLora(nn.Module):  # type: ignore[misc]  # mypy does not read torch
    """A layer's weights with a low-rank change, zeros kept."""

    def __init__(self, weight: Tensor, drawn: torch.Generator) -> None:
        super().__init__()
        rows, columns = weight.shape
        start = torch.randn(RANK, columns, generator=drawn) * columns**-0.5
        self.register_buffer("mask", weight != 0)
        self.down = nn.Parameter(start.to(weight.device))
        self.up = nn.Parameter(torch.zeros(rows, RANK, device=weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        """The changed weights, in the numbers the layer has."""
        return ((weight.float() + self.up @ self.down) * self.mask).to(weight.dtype)


def recover(
    model: Any, original: Any, windows: Sequence[Sequence[int]], steps: int, heard: Heard
) -> Recovered:
    """Let `model` learn from `original` in place for `steps` steps; the same run learns the same.

    Args:
        model: the pruned model, in evaluation mode.
        original: the model it was made of; not changed.
        windows: rows of tokens, two at least; some are held out and not learned from.
        steps: how many changes of the weights, each from 4 windows.
        heard: is told of the steps.
    """
    held = max(1, int(len(windows) * _HELD_OUT))
    learned, kept_out = windows[:-held], windows[-held:]
    before = [measure_perplexity(one, kept_out).value for one in (original, model)]
    layers = [layer for block in find_blocks(model) for layer in block.layers]
    model.requires_grad_(False)
    changes = _attach(layers)
    rows = _learn(model, original, learned, changes, steps, heard)
    _merge(layers)
    after = measure_perplexity(model, kept_out).value
    return Recovered(steps, rows * len(learned[0]), held, before[0], before[1], after)


def _attach(layers: Sequence[Layer]) -> list[nn.Parameter]:
    """Give every layer a change that is nothing yet; what is to be learned."""
    drawn = torch.Generator().manual_seed(0)
    found: list[nn.Parameter] = []
    for layer in layers:
        change = _MaskedLora(layer.module.weight.detach(), drawn)
        parametrize.register_parametrization(layer.module, "weight", change)
        found += change.parameters()
    return found


def _merge(layers: Sequence[Layer]) -> None:
    """Make the changes part of the weights; -0.0, which masking leaves, becomes 0.0."""
    for layer in layers:
        parametrize.remove_parametrizations(layer.module, "weight", leave_parametrized=True)
        weight = layer.module.weight.detach()
        weight.masked_fill_(weight == 0, 0)


def _learn(
    model: Any,
    original: Any,
    windows: Sequence[Sequence[int]],
    changes: Sequence[nn.Parameter],
    steps: int,
    heard: Heard,
) -> int:
    """Take all steps; how many windows were read for it."""
    optimizer = torch.optim.AdamW(changes, lr=LEARNING_RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
    read = 0
    for step in range(steps):
        heard("recovering", step, steps)
        for _ in range(BATCH):
            ids = torch.tensor([windows[read % len(windows)]], device=model.device)
            (_loss(model, original, ids) / BATCH).backward()
            read += 1
        nn.utils.clip_grad_norm_(changes, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return read


def _loss(model: Any, original: Any, ids: Tensor) -> Tensor:
    with torch.no_grad():
        meant = original(input_ids=ids, use_cache=False).logits[0, :-1].float().log_softmax(-1)
    found = model(input_ids=ids, use_cache=False).logits[0, :-1].float().log_softmax(-1)
    distance = functional.kl_div(found, meant, reduction="batchmean", log_target=True)
    return distance + functional.nll_loss(found, ids[0, 1:])


def _rate(step: int, steps: int) -> float:
    """The part of the learning rate that a step, from 0, is taken with."""
    warming = max(1, round(steps * _WARMING))
    if step < warming:
        return (step + 1) / warming
    return 0.5 * (1 + math.cos(math.pi * (step - warming) / max(1, steps - warming)))
