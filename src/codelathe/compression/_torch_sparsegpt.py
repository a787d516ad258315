"""SparseGPT: weights go, and those that stay make up for it (Frantar & Alistarh 2023).

Column after column, with H = X X^T of the layer's inputs: a weight counts by w^2 / [H^-1]_jj, and
what a column lost is taken up by the columns behind it, in blocks of 128. The inverses of all
the Hessians that shrink as columns are done are the rows of one Cholesky factor of H^-1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from codelathe.compression._torch_masks import lowest_in_groups
from codelathe.compression.options import Pattern, PruneOptions
from codelathe.core.errors import EngineError

BLOCK = 128
#: Of the mean of the diagonal, what is added to it: H of few tokens has no inverse.
DAMPING = 0.01
#: How often ten times as much is tried where it has none even so.
_TRIES = 4


class Hessian:
    """Gathers X X^T of a layer's inputs, in 32 bits: inputs^2 * 4 bytes."""

    def __init__(self, inputs: int, device: torch.device) -> None:
        self._sum = torch.zeros(inputs, inputs, dtype=torch.float32, device=device)

    def add(self, tokens: Tensor) -> None:
        """Take in what the layer reads: shape (tokens, inputs)."""
        rows = tokens.float()
        self._sum.addmm_(rows.t(), rows)

    def prune(self, matrix: Tensor, options: PruneOptions) -> None:
        """Make zeros in `matrix`, shape (outputs, inputs), and adjust the rest, in place."""
        matrix.copy_(sparsegpt(matrix, self._sum, options))


def sparsegpt(matrix: Tensor, hessian: Tensor, options: PruneOptions) -> Tensor:
    """The pruned and adjusted weights, in 32 bits.

    Args:
        matrix: the weights, shape (outputs, inputs).
        hessian: X X^T of the inputs, in any scale, shape (inputs, inputs); not changed.
        options: the sparsity, reached in every block of columns, or the pattern.

    Raises:
        EngineError: the Hessian has no inverse, however much it is damped.
    """
    weights = matrix.float().clone()
    dead = hessian.diagonal() == 0
    if dead.all():  # no token came by: size alone counts, and nothing makes up for anything
        hessian, dead = torch.eye(len(hessian), device=hessian.device), torch.zeros_like(dead)
    weights[:, dead] = 0
    factor = inverse_factor(hessian, dead)
    columns = weights.shape[1]
    width = _block_width(options.pattern)
    for start in range(0, columns, width):
        end = min(start + width, columns)
        errors = _prune_block(weights[:, start:end], factor[start:end, start:end], options)
        weights[:, end:] -= errors @ factor[start:end, end:]
    return weights


def inverse_factor(hessian: Tensor, dead: Tensor) -> Tensor:
    """The upper Cholesky factor of the damped Hessian's inverse; `dead` inputs stand alone.

    Raises:
        EngineError: there is none.
    """
    damped = hessian.clone()
    diagonal = damped.diagonal()
    diagonal[dead] = 1
    step = DAMPING * diagonal.mean()
    for _ in range(_TRIES):
        diagonal += step
        lower, failed = torch.linalg.cholesky_ex(damped)
        if not failed:
            inverse = torch.cholesky_inverse(lower)
            upper, failed = torch.linalg.cholesky_ex(inverse, upper=True)
            if not failed:
                return upper
        step *= 10
    raise EngineError(
        "the inputs of a layer have no usable Hessian, so SparseGPT cannot weigh its weights",
        hint="give more calibration text (--samples 256), or choose --method wanda",
    )


def _prune_block(weights: Tensor, factor: Tensor, options: PruneOptions) -> Tensor:
    """Prune the columns of one block in place; their errors, each over its factor's diagonal."""
    diagonal = factor.diagonal()
    pattern = options.pattern
    if pattern is None:
        mask = _lowest_in_block((weights / diagonal).square(), options.sparsity)
    else:
        mask = torch.zeros_like(weights, dtype=torch.bool)
    errors = torch.zeros_like(weights)
    for column in range(weights.shape[1]):
        if pattern and column % pattern.group == 0:
            group = slice(column, column + pattern.group)
            scores = (weights[:, group] / diagonal[group]).square()
            mask[:, group] = lowest_in_groups(scores, pattern)
        now = weights[:, column]
        error = torch.where(mask[:, column], now, 0) / diagonal[column]
        # The column itself is not taken out of the product: it is set right below.
        weights[:, column + 1 :] -= error[:, None] * factor[column, column + 1 :]
        now.masked_fill_(mask[:, column], 0)
        errors[:, column] = error
    return errors


def _lowest_in_block(scores: Tensor, sparsity: float) -> Tensor:
    """The `sparsity` of lowest scores of a block, all rows together."""
    mask = torch.zeros(scores.numel(), dtype=torch.bool, device=scores.device)
    count = round(scores.numel() * sparsity)
    mask[scores.flatten().argsort(stable=True)[:count]] = True
    return mask.reshape(scores.shape)


def _block_width(pattern: Pattern | None) -> int:
    """128 columns, or the least more of them that a pattern's groups divide."""
    if pattern is None:
        return BLOCK
    return -(-BLOCK // pattern.group) * pattern.group
