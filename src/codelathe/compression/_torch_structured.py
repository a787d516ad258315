"""Whole attention heads and neurons go, those with the least weight: the model becomes smaller.

Every layer loses equally many, so that an ordinary configuration describes the result. Heads go
by groups: one head of keys and values, and the heads of queries that read it. As many groups go
as comes nearest to the sparsity, and the neurons make it exact. Where heads are not four matrices
of their own, as in GPT-2, only neurons go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from codelathe.compression._torch_blocks import find_block_list, matrix_of
from codelathe.core.errors import UsageError

_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
#: What feeds neurons, and what reads them, as models name it.
_MLPS = (
    (("gate_proj", "up_proj"), "down_proj"),
    (("c_fc",), "c_proj"),
    (("fc_in",), "fc_out"),
    (("fc1",), "fc2"),
    (("dense_h_to_4h",), "dense_4h_to_h"),
)
#: Where configurations keep how many neurons a layer has.
_WIDTHS = ("intermediate_size", "n_inner", "ffn_hidden_size", "ffn_dim")


@dataclass(frozen=True, slots=True)
class _Mlp:
    feeding: tuple[Any, ...]
    reading: Any

    @property
    def neurons(self) -> int:
        return int(matrix_of(self.reading).shape[1])

    @property
    def per_neuron(self) -> int:
        """The weights of one neuron, biases aside."""
        parts = [matrix_of(module).shape[1] for module in self.feeding]
        return int(sum(parts) + matrix_of(self.reading).shape[0])


@dataclass(frozen=True, slots=True)
class _Attention:
    query: Any
    key: Any
    value: Any
    output: Any
    groups: int

    @property
    def per_group(self) -> int:
        """The weights of one group, biases aside."""
        whole = (self.query, self.key, self.value, self.output)
        return int(sum(matrix_of(module).numel() for module in whole) // self.groups)


@dataclass(frozen=True, slots=True)
class Cut:
    """What every layer lost, and what was there; `heads` counts heads of queries."""

    heads: tuple[int, int]
    kv_heads: tuple[int, int]
    neurons: tuple[int, int]


def prune_structures(model: Any, sparsity: float) -> Cut:
    """Take heads and neurons out of every block, in place, configuration included.

    Raises:
        UsageError: the model's layers are of an unknown build, or the sparsity is out of reach.
    """
    _, blocks = find_block_list(model)
    mlps = [_find_mlp(block) for block in blocks]
    config = model.config
    _find_width(config)  # refused before anything is cut
    attentions = [_find_attention(block, config) for block in blocks]
    whole = [attention for attention in attentions if attention is not None]
    grouped = whole if len(whole) == len(blocks) else []
    layer = sum(
        matrix_of(m).numel() for m in blocks[0].modules() if isinstance(m, nn.Linear | Conv1D)
    )
    groups, neurons = _how_many(grouped[0] if grouped else None, mlps[0], layer * sparsity)
    before = (config.num_attention_heads, _kv_heads(config), mlps[0].neurons)
    for mlp in mlps:
        _cut_neurons(mlp, neurons)
    for attention in grouped:
        _cut_groups(attention, groups)
    _configure(config, groups if grouped else 0, neurons, before)
    return Cut(
        heads=(before[0] - config.num_attention_heads, before[0]),
        kv_heads=(before[1] - _kv_heads(config), before[1]),
        neurons=(neurons, before[2]),
    )


def _how_many(attention: _Attention | None, mlp: _Mlp, target: float) -> tuple[int, int]:
    """The groups and neurons that each layer loses, to lose `target` weights."""
    share = target / (
        mlp.neurons * mlp.per_neuron + (attention.groups * attention.per_group if attention else 0)
    )
    groups = min(round(attention.groups * share), attention.groups - 1) if attention else 0
    left = target - (groups * attention.per_group if attention else 0)
    neurons = max(round(left / mlp.per_neuron), 0)
    if neurons >= mlp.neurons:
        whole = f" and {groups} of {attention.groups} groups of heads" if attention else ""
        raise UsageError(
            f"not so much can be taken away: all of the {mlp.neurons} neurons of a layer{whole} "
            "would go",
            hint="choose a smaller --sparsity, or --method depth",
            field="sparsity",
        )
    return groups, neurons


def _cut_neurons(mlp: _Mlp, count: int) -> None:
    weight = matrix_of(mlp.reading).float().abs().sum(0)
    for module in mlp.feeding:
        weight += matrix_of(module).float().abs().sum(1)
    kept = _without_lowest(weight, count)
    for module in mlp.feeding:
        _keep(module, outputs=kept)
    _keep(mlp.reading, inputs=kept)


def _cut_groups(attention: _Attention, count: int) -> None:
    groups = attention.groups

    def by_group(sizes: Tensor) -> Tensor:
        return sizes.reshape(groups, -1).sum(1)

    weight = by_group(matrix_of(attention.output).float().abs().sum(0))
    for module in (attention.query, attention.key, attention.value):
        weight += by_group(matrix_of(module).float().abs().sum(1))
    kept = _without_lowest(weight, count)

    def rows(size: int) -> Tensor:
        return torch.arange(size, device=kept.device).reshape(groups, -1)[kept].flatten()

    for module in (attention.query, attention.key, attention.value):
        _keep(module, outputs=rows(matrix_of(module).shape[0]))
    _keep(attention.output, inputs=rows(matrix_of(attention.output).shape[1]))


def _without_lowest(weight: Tensor, count: int) -> Tensor:
    """The places of all but the `count` lowest, in order."""
    return weight.argsort(stable=True)[count:].sort().values


def _keep(module: Any, *, outputs: Tensor | None = None, inputs: Tensor | None = None) -> None:
    """Cut a linear layer down to some of its outputs or inputs."""
    matrix = matrix_of(module)
    if outputs is not None:
        matrix = matrix[outputs]
        if module.bias is not None:
            module.bias = nn.Parameter(module.bias.detach()[outputs].clone())
    if inputs is not None:
        matrix = matrix[:, inputs]
    if isinstance(module, Conv1D):
        module.weight = nn.Parameter(matrix.t().contiguous())
        module.nf, module.nx = matrix.shape
    else:
        module.weight = nn.Parameter(matrix.contiguous())
        module.out_features, module.in_features = matrix.shape


def _configure(config: Any, groups: int, neurons: int, before: tuple[int, int, int]) -> None:
    """Say in the configuration what is left."""
    heads, kv_heads, width = before
    if groups:
        # Else it would follow from the number of heads.
        config.head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
        config.num_attention_heads = heads - groups * (heads // kv_heads)
        if hasattr(config, "num_key_value_heads"):
            config.num_key_value_heads = kv_heads - groups
    setattr(config, _find_width(config), width - neurons)


def _find_mlp(block: Any) -> _Mlp:
    for feeding, reading in _MLPS:
        for module in block.modules():
            if all(_is_linear(getattr(module, name, None)) for name in (*feeding, reading)):
                return _Mlp(tuple(getattr(module, n) for n in feeding), getattr(module, reading))
    raise _unknown(type(block).__name__)


def _find_width(config: Any) -> str:
    """What the configuration calls the number of neurons; some models have no say in it."""
    found = next((name for name in _WIDTHS if hasattr(config, name)), None)
    if found is None:
        raise _unknown(type(config).__name__)
    return found


def _unknown(name: str) -> UsageError:
    return UsageError(
        f"{name} has no neurons of a build that is known and can be made smaller",
        hint="choose --method wanda or --method depth",
        field="method",
    )


def _find_attention(block: Any, config: Any) -> _Attention | None:
    for module in block.modules():
        parts = [getattr(module, name, None) for name in _ATTENTION]
        if all(_is_linear(part) for part in parts):
            query, key, value, output = parts
            return _Attention(query, key, value, output, _kv_heads(config))
    return None


def _kv_heads(config: Any) -> int:
    return int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)


def _is_linear(module: Any) -> bool:
    return isinstance(module, nn.Linear | Conv1D)
