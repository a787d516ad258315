"""Attention within documents that lie end to end in one row.

Each document is attended to by itself, causally: no mask of all tokens by all tokens exists, and
no work is done between documents. In 16 bits on a processor plain products are two to four times
as fast as torch's fused kernel, forward and back; everywhere else that kernel is used.
Registered with `transformers` under `NAME`; models whose attention needs more than that (sliding
windows, capped scores, position biases) are not given it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface

NAME = "codelathe_documents"
#: Settings that change attention in ways that the function below does not know.
_BEYOND = ("sliding_window", "attn_logit_softcapping", "attention_chunk_size", "alibi")

#: Documents of at most so many tokens keep the shares of attention for the way back.
_KEPT = 256


class _Documents:
    """The lengths of the documents in the row that is computed.

    Not handed through the model, whose layers may not pass on what they do not know. The
    backward pass of checkpointed layers, which computes them again, is over before the next row.
    """

    lengths: Sequence[int] = ()


def set_documents(lengths: Sequence[int]) -> None:
    """What lies in the row that comes next; nothing for one document a row."""
    _Documents.lengths = lengths


def register() -> None:
    """Make `NAME` known to `transformers`. No mask is built for it."""
    AttentionInterface.register(NAME, _attend)


def fits(model: Any) -> bool:
    """Whether this model's attention is plain enough, by its configuration."""
    config = model.config.get_text_config()
    if not getattr(model, "_supports_attention_backend", False):
        return False
    if any(getattr(config, name, None) for name in _BEYOND):
        return False
    return all(kind == "full_attention" for kind in getattr(config, "layer_types", None) or ())


def _attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Any, None]:
    """Query, key and value are (1, heads, tokens, width); the result (1, tokens, heads, width)."""
    if attention_mask is not None or any(kwargs.get(n) is not None for n in ("s_aux", "softcap")):
        raise ValueError(f"{type(module).__name__} asks for more than attention within documents")
    grouped = query.shape[1] != key.shape[1]
    lengths = list(_Documents.lengths) or [query.shape[2]]
    if sum(lengths) != query.shape[2]:
        raise ValueError(f"documents of {sum(lengths)} tokens in a row of {query.shape[2]}")
    parts = zip(
        query.split(lengths, 2), key.split(lengths, 2), value.split(lengths, 2), strict=True
    )
    if query.device.type == "cpu" and query.dtype == torch.bfloat16 and not dropout:
        scale = scaling if scaling is not None else query.shape[-1] ** -0.5
        outputs = [_Products.apply(q, k, v, scale) for q, k, v in parts]
    else:
        outputs = [
            functional.scaled_dot_product_attention(
                q, k, v, dropout_p=dropout, scale=scaling, is_causal=True, enable_gqa=grouped
            )
            for q, k, v in parts
        ]
    return torch.cat([output.transpose(1, 2) for output in outputs], dim=1), None


class _Products(torch.autograd.Function):  # type: ignore[misc]  # no types
    """Causal attention of one document by plain matrix products.

    Query heads of one key head are taken together, so keys are not repeated. The shares are
    computed again on the way back where they are many, and kept where they are few.
    """

    @staticmethod
    def forward(ctx: Any, query: Any, key: Any, value: Any, scale: float) -> Any:
        groups, tokens = key.shape[1], query.shape[2]
        flat = query.reshape(groups, -1, query.shape[3])
        key, value = key[0], value[0]
        shares = _shares(flat, key, tokens, scale)
        kept = shares if tokens <= _KEPT else None
        ctx.save_for_backward(flat, key, value, kept)
        ctx.scale, ctx.shape = scale, query.shape
        return torch.bmm(shares, value).view(query.shape)

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> Any:
        query, key, value, shares = ctx.saved_tensors
        tokens = ctx.shape[2]
        if shares is None:
            shares = _shares(query, key, tokens, ctx.scale)
        back = outputs[0].reshape(query.shape)
        to_value = torch.bmm(shares.transpose(1, 2), back)
        to_shares = torch.bmm(back, value.transpose(1, 2))
        to_scores = torch._softmax_backward_data(to_shares, shares, -1, shares.dtype)  # noqa: SLF001
        to_scores.mul_(ctx.scale)
        to_query = torch.bmm(to_scores, key).view(ctx.shape)
        to_key = torch.bmm(to_scores.transpose(1, 2), query)
        return to_query, to_key.unsqueeze(0), to_value.unsqueeze(0), None


def _shares(query: Any, key: Any, tokens: int, scale: float) -> Any:
    """What each token takes of each token before it: (groups, heads x tokens, tokens)."""
    scores = torch.bmm(query, key.transpose(1, 2))
    later = torch.full((tokens, tokens), float("-inf"), dtype=torch.float32).triu_(1)
    whole = torch.add(later, scores.view(-1, tokens, tokens), alpha=scale)
    return torch.softmax(whole, -1).to(query.dtype).view(scores.shape)
