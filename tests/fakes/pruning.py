"""Wanda and SparseGPT as the papers write them: slow, plain, in 64 bits, with nothing shared."""

from __future__ import annotations

import torch
from torch import Tensor


def wanda_mask(weights: Tensor, inputs: Tensor, sparsity: float) -> Tensor:
    """Where weights go. `weights` (outputs, inputs), `inputs` (tokens, inputs)."""
    norms = [float(column.double().norm(p=2)) for column in inputs.t()]
    mask = torch.zeros_like(weights, dtype=torch.bool)
    for row, values in enumerate(weights.double().tolist()):
        scores = [abs(value) * norm for value, norm in zip(values, norms, strict=True)]
        order = sorted(range(len(scores)), key=scores.__getitem__)
        for column in order[: int(len(order) * sparsity)]:
            mask[row, column] = True
    return mask


def sparsegpt(weights: Tensor, inputs: Tensor, sparsity: float, block: int = 128) -> Tensor:
    """The weights after SparseGPT: each column by the inverse of what is left of the Hessian."""
    left = weights.double().clone()
    hessian = 2 * inputs.double().t() @ inputs.double()
    hessian += 0.01 * hessian.diagonal().mean() * torch.eye(len(hessian), dtype=torch.float64)
    columns = weights.shape[1]
    inverses = [torch.linalg.inv(hessian[c:, c:])[0] for c in range(columns)]
    mask = torch.zeros_like(weights, dtype=torch.bool)
    for column in range(columns):
        if column % block == 0:
            end = min(column + block, columns)
            diagonal = torch.stack([inverses[c][0] for c in range(column, end)])
            scores = left[:, column:end] ** 2 / diagonal
            count = round(scores.numel() * sparsity)
            bound = scores.flatten().sort().values[count - 1]
            mask[:, column:end] = scores <= bound
        for row in range(weights.shape[0]):
            if mask[row, column]:
                inverse = inverses[column]
                left[row, column:] -= left[row, column] / inverse[0] * inverse
                left[row, column] = 0
    return left


def reconstruction_error(before: Tensor, after: Tensor, inputs: Tensor) -> float:
    """The squared error of a layer's outputs."""
    return float(((before.double() - after.double()) @ inputs.double().t()).square().sum())
