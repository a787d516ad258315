"""Cross-entropy of the positions that the loss counts, without the logits of any others.

With a vocabulary of 49,000 the logits of one token take 200 kB: of a whole batch they would be
the largest thing in memory, and most are of prompts or padding. Here the head is applied to
counted positions alone, a few at a time, and the gradient is computed on the way forward, so
that no logits are kept.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from codelathe.training.tuning.batches import IGNORED

#: Logits that exist at a time: 32 MiB in 32 bits.
_LOGITS = 1 << 23


def counted_loss(hidden: Any, head: Any, labels: Any) -> Any:
    """The summed negative log-likelihood, in nats, of the labels that are not `IGNORED`.

    `hidden` (rows, tokens, width) are the last layer's states and `labels` (rows, tokens) the
    tokens themselves: the state before a token predicts it. `head` is a linear layer.
    """
    targets = labels[:, 1:].reshape(-1)
    places = (targets != IGNORED).nonzero().squeeze(1)
    states = hidden[:, :-1].reshape(-1, hidden.shape[-1])[places]
    learns = torch.is_grad_enabled() and (states.requires_grad or head.weight.requires_grad)
    if torch.is_autocast_enabled(hidden.device.type):
        states = states.to(torch.get_autocast_dtype(hidden.device.type))
    return _CountedLoss.apply(states, head.weight, head.bias, targets[places], learns)


class _CountedLoss(torch.autograd.Function):  # type: ignore[misc]  # no types
    @staticmethod
    def forward(ctx: Any, states: Any, weight: Any, bias: Any, targets: Any, learns: bool) -> Any:
        total = torch.zeros((), dtype=torch.float32, device=states.device)
        if not learns:
            for part, marks in _parts(states, targets, weight.shape[0]):
                logits = functional.linear(part, weight.to(part.dtype), _like(bias, part)).float()
                total += functional.cross_entropy(logits, marks, reduction="sum")
            return total
        used = weight.to(states.dtype)
        to_states = torch.empty_like(states) if states.requires_grad else None
        to_weight = torch.zeros_like(weight, dtype=torch.float32) if weight.requires_grad else None
        to_bias = None
        if bias is not None and bias.requires_grad:
            to_bias = torch.zeros_like(bias, dtype=torch.float32)
        done = 0
        for part, marks in _parts(states, targets, weight.shape[0]):
            logits = functional.linear(part, used, _like(bias, part)).float()
            marks = marks.unsqueeze(1)
            highest = logits.amax(1)
            right = logits.gather(1, marks).squeeze(1)
            shares = torch.softmax(logits, dim=-1)
            # The highest share is 1 / sum(exp(logit - highest)), whose logarithm never overflows.
            total += (highest - shares.amax(1).log() - right).sum()
            shares.scatter_add_(1, marks, torch.full_like(marks, -1, dtype=shares.dtype))
            back = shares.to(states.dtype)
            if to_states is not None:
                torch.mm(back, used, out=to_states[done : done + len(part)])
            if to_weight is not None:
                to_weight += back.t() @ part
            if to_bias is not None:
                to_bias += shares.sum(0)
            done += len(part)
        ctx.save_for_backward(to_states, to_weight, to_bias)
        ctx.kinds = (weight.dtype, None if bias is None else bias.dtype)
        return total

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> Any:
        (output,) = outputs
        to_states, to_weight, to_bias = ctx.saved_tensors
        weight_kind, bias_kind = ctx.kinds
        return (
            None if to_states is None else to_states * output.to(to_states.dtype),
            None if to_weight is None else (to_weight * output).to(weight_kind),
            None if to_bias is None else (to_bias * output).to(bias_kind),
            None,
            None,
        )


def _parts(states: Any, targets: Any, vocabulary: int) -> Any:
    size = max(1, _LOGITS // vocabulary)
    return zip(states.split(size), targets.split(size), strict=True)


def _like(bias: Any, part: Any) -> Any:
    return None if bias is None else bias.to(part.dtype)


def is_plain_head(model: Any) -> bool:
    """Whether the model's head is a linear layer whose output are the logits as they are."""
    head = model.get_output_embeddings()
    config = model.config.get_text_config()
    changed = (
        "final_logit_softcapping", "logit_scale", "output_multiplier", "lm_head_multiplier",
        "logits_scaling",
    )  # fmt: skip
    return type(head) is torch.nn.Linear and all(getattr(config, n, None) is None for n in changed)
