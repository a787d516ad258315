"""The product of a frozen layer and a LoRA beside it, in one step of the graph.

PEFT computes both apart, the small one in the precision of its weights: with 32-bit adapters on
a 16-bit model that is a copy of every layer's input and output in 32 bits. Here all products are
in the numbers of the input, nothing is copied, the frozen weights get no gradient, and what is
kept for the way back is the input alone and the narrow product. PEFT's modules, names and files
stay as they are; only their `forward` is another. Layers of any other kind keep PEFT's.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional


class _BesideFrozen(torch.autograd.Function):  # type: ignore[misc]  # no types
    """x W' + b + scale (x A') B', with gradients for x, A and B."""

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, bias: Any, a: Any, b: Any, scale: float) -> Any:
        flat = x.reshape(-1, x.shape[-1])
        small_a, small_b = a.to(x.dtype), (b * scale).to(x.dtype)
        narrow = flat @ small_a.t()
        out = functional.linear(flat, weight, bias)
        out.addmm_(narrow, small_b.t())
        ctx.save_for_backward(flat, weight, small_a, small_b, narrow)
        ctx.scale, ctx.shape, ctx.kind = scale, x.shape, a.dtype
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> Any:
        (output,) = outputs
        flat, weight, small_a, small_b, narrow = ctx.saved_tensors
        back = output.reshape(-1, output.shape[-1])
        back_narrow = back @ small_b
        to_a = (back_narrow.t() @ flat).to(ctx.kind)
        to_b = (back.t() @ narrow).to(ctx.kind) * ctx.scale
        to_x = None
        if ctx.needs_input_grad[0]:
            to_x = back @ weight
            to_x.addmm_(back_narrow, small_a)
            to_x = to_x.view(ctx.shape)
        return to_x, None, None, to_a, to_b, None


def fuse(model: Any) -> int:
    """Give the LoRA layers of `model` that allow it the forward above; how many there are."""
    from peft.tuners.lora.layer import Linear

    count = 0
    for module in model.modules():
        if type(module) is Linear and _plain(module):
            module.forward = _forward_of(module)
            count += 1
    return count


def _plain(module: Any) -> bool:
    """Whether it is one LoRA without extras beside one frozen linear layer."""
    base, active = module.get_base_layer(), module.active_adapters
    if type(base) is not torch.nn.Linear or base.weight.requires_grad or len(active) != 1:
        return False
    name = active[0]
    return (
        name in module.lora_A
        and isinstance(module.lora_dropout[name], torch.nn.Identity)
        and name not in module.lora_variant
        and not module.lora_bias.get(name, False)
        and not module.fan_in_fan_out
        and not module.merged
    )


def _forward_of(module: Any) -> Any:
    name = module.active_adapters[0]
    base, a, b = module.get_base_layer(), module.lora_A[name], module.lora_B[name]
    scale = module.scaling[name]

    def forward(x: Any) -> Any:
        return _BesideFrozen.apply(x, base.weight, base.bias, a.weight, b.weight, scale)

    return forward
