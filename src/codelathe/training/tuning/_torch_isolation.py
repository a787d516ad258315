"""Whether documents in one row see each other, found out by running the model.

Two tries, the fast one first: attention by document, then the block-diagonal mask that
`transformers` makes of positions that begin again. A try holds where changing one document leaves
the states of the next exactly as they were, and where these are those of the document alone.
Where neither holds (recurrent layers, position biases of its own) rows are single documents.
"""

from __future__ import annotations

from typing import Any, Literal

import torch

from codelathe.training.tuning import _torch_attention as attention

Layout = Literal["documents", "masked", "padded"]
_LENGTHS = (9, 14, 6)
#: How far states may be from those of the document alone, as a share of their size.
_NEAR = {torch.float32: 1e-3, torch.float64: 1e-6}
_NEAR_16 = 0.1


def choose_layout(model: Any) -> Layout:
    """How rows of several documents can be given to `model`, which is set up for it."""
    usual = model.config._attn_implementation  # noqa: SLF001 (transformers has no other name for it)
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            alone = _alone(model)
            if attention.fits(model):
                attention.register()
                model.set_attn_implementation(attention.NAME)
                if _holds(model, alone, by_document=True):
                    return "documents"
                model.set_attn_implementation(usual)
            return "masked" if _holds(model, alone, by_document=False) else "padded"
    finally:
        attention.set_documents(())
        model.train(training)


def _tokens(model: Any) -> list[Any]:
    """A few documents of ordinary tokens, always the same."""
    draw = torch.Generator().manual_seed(0)
    high = model.config.get_text_config().vocab_size
    return [torch.randint(high // 4, high, (1, n), generator=draw) for n in _LENGTHS]


def _states(model: Any, ids: Any, positions: Any = None) -> Any:
    backbone = model.base_model
    given = {"input_ids": ids.to(model.device), "use_cache": False}
    if positions is not None:
        given["position_ids"] = positions.to(model.device)
    return backbone(**given).last_hidden_state.cpu()


def _alone(model: Any) -> list[Any]:
    return [_states(model, ids) for ids in _tokens(model)]


def _holds(model: Any, alone: list[Any], *, by_document: bool) -> bool:
    first, *others = _tokens(model)
    positions = torch.cat([torch.arange(n) for n in _LENGTHS]).unsqueeze(0)
    attention.set_documents(_LENGTHS if by_document else ())
    try:
        packed = _states(model, torch.cat([first, *others], 1), positions)
        changed = _states(model, torch.cat([first.flip(1) - 1, *others], 1), positions)
    except (TypeError, ValueError, RuntimeError, NotImplementedError):
        return False
    start = _LENGTHS[0]
    if not torch.equal(packed[:, start:], changed[:, start:]):
        return False
    near = _NEAR.get(packed.dtype, _NEAR_16)
    return all(
        _apart(one, other) <= near
        for one, other in zip(packed.split(_LENGTHS, 1), alone, strict=True)
    )


def _apart(one: Any, other: Any) -> float:
    return float((one.float() - other.float()).norm() / other.float().norm().clamp(min=1e-6))
