"""Wanda: a weight counts by its size times the norm of its input (Sun et al. 2023).

The score of a weight is |W_ij| * ||X_j||_2, the norm taken over all calibration tokens; the
lowest of each output's row become zero, and no other weight changes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from codelathe.compression._torch_masks import lowest
from codelathe.compression.options import PruneOptions


class InputNorms:
    """Gathers the norm of each of a layer's inputs, in 32 bits."""

    def __init__(self, inputs: int, device: torch.device) -> None:
        self._squares = torch.zeros(inputs, dtype=torch.float32, device=device)

    def add(self, tokens: Tensor) -> None:
        """Take in what the layer reads: shape (tokens, inputs)."""
        self._squares += tokens.float().square().sum(0)

    def prune(self, matrix: Tensor, options: PruneOptions) -> None:
        """Make zeros in `matrix`, shape (outputs, inputs), in place."""
        matrix.masked_fill_(lowest(wanda_scores(matrix, self._squares.sqrt()), options), 0)


def wanda_scores(matrix: Tensor, norms: Tensor) -> Tensor:
    """How much each weight counts; of inputs that were never seen, by its size alone.

    Args:
        matrix: the weights, shape (outputs, inputs).
        norms: the norm of each input over all tokens.
    """
    norms = norms if norms.any() else torch.ones_like(norms)
    return matrix.float().abs() * norms
