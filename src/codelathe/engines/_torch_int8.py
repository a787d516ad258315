"""Dynamic int8: linear layers and embeddings that are stored in 8 bits and multiply in 8 bits.

A weight is `scale * q`, with `q` in int8 and one scale for each output, the largest weight of it
divided by 127; zeros stay exactly zero. What a layer is given is quantized anew at each product,
each token by a scale of its own. One int8 number a value is too coarse for that: a few values are
many times as large as all others (Dettmers et al. 2022, LLM.int8()), and the small ones vanish.
So each value becomes two digits, `step * (128 * high + low)`, and both go through products of
8-bit numbers, in one call where there are several tokens.

`transformers` loads such a folder by the quantizer that is registered here; another program
says that it does not know the method. On GPUs it computes in the weights' own numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D
from transformers.quantizers import HfQuantizer, register_quantization_config, register_quantizer
from transformers.utils.quantization_config import QuantizationConfigMixin

from codelathe.core.checkpoint import INT8_METHOD
from codelathe.core.errors import UnsupportedArgument

#: The largest of 8 bits, symmetric.
_MOST = 127
#: A low digit counts once, a high digit so often.
_DIGIT = 128
#: Smaller steps would be no numbers any more once they are divided by.
_LEAST = 1e-30


class Digits:
    """Activations (rows, inputs) as two int8 digits: `x = step * (128 * high + low)`.

    Each row has a step of its own, (rows, 1) in 32 bits. Queries, keys and values are made of the
    same activations, gates and what they open too: what was asked last is held, and given again
    for the same tensor. No layer may change its input in place, which none in `transformers` does.
    """

    def __init__(self) -> None:
        self._last: tuple[Any, tuple[list[Tensor], Tensor]] | None = None

    def of(self, rows: Tensor, source: Tensor) -> tuple[list[Tensor], Tensor]:
        """The digits of `rows`, which are those of the tensor `source`, and the steps.

        Of one row high and low, of several all that are high and then all low, in one tensor.
        """
        last = self._last
        if last is not None and last[0] is source:
            return last[1]
        largest = rows.abs().amax(1, keepdim=True).clamp_min_(_LEAST)
        scaled = (rows / largest).mul_(_MOST)
        high = scaled.round()
        low = scaled.sub_(high).mul_(_DIGIT).round_()
        step = largest.mul_(1 / (_MOST * _DIGIT))
        digits = [high.to(torch.int8), low.to(torch.int8)]
        made = (digits if len(rows) == 1 else [torch.cat(digits)]), step
        self._last = (source, made)
        return made


class Int8Linear(nn.Module):  # type: ignore[misc]
    """`y = x W^T + b` with W (outputs, inputs) in int8; `x` (..., inputs) of any float type."""

    def __init__(self, outputs: int, inputs: int, bias: Tensor | None) -> None:
        super().__init__()
        self.weight = _parameter(torch.empty(outputs, inputs, dtype=torch.int8))
        self.weight_scale = _parameter(torch.empty(outputs))
        self.bias = None if bias is None else _parameter(torch.empty_like(bias))
        self.shared = Digits()

    def forward(self, x: Tensor) -> Tensor:
        """The product, in the type of `x`."""
        rows = x.reshape(-1, x.shape[-1])
        if x.device.type == "cpu":
            made = self._product(rows.float(), x).to(x.dtype)
        else:
            made = F.linear(rows, self.weight.to(x.dtype)) * self.weight_scale.to(x.dtype)
        if self.bias is not None:
            made = made + self.bias.to(x.dtype)
        return made.view(*x.shape[:-1], -1)

    def _product(self, rows: Tensor, source: Tensor) -> Tensor:
        digits, step = self.shared.of(rows, source)
        weight = self.weight.t()
        # One row has a kernel that takes less than half the time of two.
        sums = [torch._int_mm(part, weight) for part in digits]  # noqa: SLF001 (its only name)
        above, below = sums if len(sums) == 2 else sums[0].split(len(rows))
        whole = torch.add(below.float(), above, alpha=_DIGIT)
        return whole.mul_(self.weight_scale).mul_(step)


class Int8Embedding(nn.Module):  # type: ignore[misc]
    """A table (rows, width) in int8, looked up in 32 bits."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.weight = _parameter(torch.empty(rows, width, dtype=torch.int8))
        self.weight_scale = _parameter(torch.empty(rows))

    def forward(self, ids: Tensor) -> Tensor:
        """The rows of `ids` (...), as (..., width)."""
        return F.embedding(ids, self.weight).float() * self.weight_scale[ids].unsqueeze(-1)


def quantize_model(model: Any) -> None:
    """Turn the linear layers and token embeddings of a `transformers` model into int8, in place.

    Positions, norms and biases stay as they are, as do parts of other classes. Weights that are
    shared stay shared.

    Raises:
        UnsupportedArgument: its layers are computed by torch's own fused Transformer code.
    """
    fused = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
    if any(isinstance(module, fused) for module in model.modules()):
        raise UnsupportedArgument(
            "dynamic int8 replaces linear layers, and this model is made of torch's own fused ones",
            hint="choose a decoder such as Llama, Qwen2 or GPT-2",
            field="method",
        )
    made: dict[int, tuple[nn.Parameter, Tensor]] = {}
    for name, module in list(_eligible(model)):
        weight = module.weight.data.t() if isinstance(module, Conv1D) else module.weight.data
        if id(module.weight) not in made:
            q, scale = _quantized(weight)
            made[id(module.weight)] = _parameter(q), scale
        fresh = _like(module)
        fresh.weight, scale = made[id(module.weight)]
        fresh.weight_scale = _parameter(scale.clone())
        if getattr(module, "bias", None) is not None:
            fresh.bias = _parameter(module.bias.data)
        model.set_submodule(name, fresh)
    _share(model)
    model.config.quantization_config = Int8Config()


def _quantized(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix (outputs, inputs) as int8 and its outputs' scales; 32 bits for a part at a time."""
    q = torch.empty(weight.shape, dtype=torch.int8)
    scales = torch.empty(len(weight))
    for start in range(0, len(weight), 4096):
        part = weight[start : start + 4096].float()
        scale = part.abs().amax(1).div_(_MOST).clamp_min_(_LEAST)
        q[start : start + 4096] = (part / scale[:, None]).round_()
        scales[start : start + 4096] = scale
    return q, scales


def _eligible(model: Any) -> Iterator[tuple[str, Any]]:
    """The modules to replace. The same for weights of any numbers, and for none yet."""
    found = {
        name: module
        for name, module in model.named_modules()
        if type(module) in (nn.Linear, Conv1D) or module is model.get_input_embeddings()
    }
    tied = getattr(model, "all_tied_weights_keys", None) or {}
    pairs = [tuple(key.rpartition(".")[0] for key in pair) for pair in tied.items()]
    for pair in pairs:
        found.update((name, model.get_submodule(name)) for name in pair)
    kinds = (nn.Linear, Conv1D, nn.Embedding)
    foreign = {name for name, module in found.items() if type(module) not in kinds}
    # What is tied to a part of another class must stay what that part is.
    for _ in pairs:
        foreign |= {name for pair in pairs if foreign.intersection(pair) for name in pair}
    return ((name, module) for name, module in found.items() if name not in foreign)


def _like(module: Any) -> Any:
    """An empty module in place of `module`."""
    if type(module) is nn.Embedding:
        return Int8Embedding(*module.weight.shape)
    outputs, inputs = module.weight.shape
    if type(module) is Conv1D:
        outputs, inputs = inputs, outputs
    return Int8Linear(outputs, inputs, module.bias)


def _share(model: Any) -> None:
    """Let all layers of a model hold the last activations in one place."""
    shared = Digits()
    for module in model.modules():
        if isinstance(module, Int8Linear):
            module.shared = shared


def _parameter(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor, requires_grad=False)


@register_quantization_config(INT8_METHOD)
class Int8Config(QuantizationConfigMixin):  # type: ignore[misc]
    """What `config.json` says of such weights."""

    def __init__(self, **_: Any) -> None:
        self.quant_method: Any = INT8_METHOD
        self.bits = 8


@register_quantizer(INT8_METHOD)
class Int8Quantizer(HfQuantizer):  # type: ignore[misc]
    """Puts the int8 modules in place before their weights are read."""

    def update_dtype(self, dtype: torch.dtype) -> torch.dtype:  # noqa: ARG002 (its signature)
        """Scales and norms stay in 32 bits, whatever is asked for."""
        return torch.float32

    def _process_model_before_weight_loading(self, model: Any, **_: Any) -> None:
        for name, module in list(_eligible(model)):
            with torch.device("meta"):
                fresh = _like(module)
            model.set_submodule(name, fresh)
        _share(model)

    def is_serializable(self) -> bool:
        """The folder can be written again."""
        return True

    @property
    def is_trainable(self) -> bool:
        """Rounded weights learn nothing."""
        return False
