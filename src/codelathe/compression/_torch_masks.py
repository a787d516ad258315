"""Which weights go, given how much each one counts; and pruning by magnitude alone.

A mask is true where a weight becomes zero. Scores and masks have the shape (outputs, inputs).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import prune

from codelathe.compression._torch_blocks import Layer, as_stored
from codelathe.compression.options import Pattern, PruneOptions
from codelathe.core.errors import UsageError


def lowest_in_rows(scores: Tensor, sparsity: float) -> Tensor:
    """The `sparsity` of lowest scores in each row.

    Where that is no whole number, rows take one more by turns, so that the whole is exact.
    """
    rows, columns = scores.shape
    exact = torch.arange(rows + 1, dtype=torch.float64) * columns * sparsity
    ends = (exact + 0.5).floor().to(torch.int64)
    counts = (ends[1:] - ends[:-1]).to(scores.device)
    order = scores.argsort(dim=1, stable=True)
    taken = torch.arange(columns, device=scores.device) < counts[:, None]
    return torch.zeros_like(taken).scatter_(1, order, taken)


def lowest_in_groups(scores: Tensor, pattern: Pattern) -> Tensor:
    """Of every `group` neighbours in a row all but the `kept` with the highest scores."""
    rows, columns = scores.shape
    grouped = scores.reshape(rows, columns // pattern.group, pattern.group)
    order = grouped.argsort(dim=2, stable=True)[..., : pattern.group - pattern.kept]
    mask = torch.zeros_like(grouped, dtype=torch.bool).scatter_(2, order, value=True)
    return mask.reshape(rows, columns)


def lowest(scores: Tensor, options: PruneOptions) -> Tensor:
    """The mask of lowest scores by the options' pattern, else by their sparsity in each row."""
    if options.pattern:
        return lowest_in_groups(scores, options.pattern)
    return lowest_in_rows(scores, options.sparsity)


def check_pattern(layers: Sequence[Layer], options: PruneOptions) -> None:
    """Refuse a pattern that does not divide the inputs of a layer, before anything is pruned.

    Raises:
        UsageError: with the layer and its inputs.
    """
    if options.pattern is None:
        return
    for layer in layers:
        if layer.inputs % options.pattern.group:
            raise UsageError(
                f"the pattern {options.pattern} does not divide {layer.name}, which has "
                f"{layer.inputs} inputs",
                hint="choose another pattern, or --sparsity without one",
                field="pattern",
            )


def prune_by_magnitude(layers: Sequence[Layer], options: PruneOptions) -> None:
    """Make the smallest weights zero: in each layer, in all layers together, or by the pattern."""
    if options.scope == "global":
        weights = [(layer.module, "weight") for layer in layers]
        prune.global_unstructured(weights, prune.L1Unstructured, amount=options.sparsity)
    for layer in layers:
        if options.pattern:
            mask = lowest_in_groups(layer.matrix.abs(), options.pattern)
            prune.custom_from_mask(layer.module, "weight", as_stored(layer.module, ~mask))
        elif options.scope == "layer":
            prune.l1_unstructured(layer.module, "weight", amount=options.sparsity)
        make_permanent(layer.module)


def make_permanent(module: Any) -> None:
    """Put a mask of `torch.nn.utils.prune` into the weights. Its -0.0 becomes 0.0."""
    prune.remove(module, "weight")
    weight = module.weight.detach()
    weight.masked_fill_(weight == 0, 0)
