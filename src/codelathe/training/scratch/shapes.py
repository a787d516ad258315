"""A model's shape from a few numbers, or from a size: layers, width, heads, and what they cost.

The arithmetic of each architecture's parameters is written out here, so that a size such as 10M
can be met, and told, before anything is made. Heads are 32 wide up to a width of 512, then 64;
a layer's width is about 64 times the number of layers, as in models of this size that are in use.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from codelathe.core.errors import UnknownName, UsageError
from codelathe.training.recipe import ENCODER_DECODER, ScratchPart

#: The numbers where neither a size nor they are given: those of Vaswani et al. 2017 for the
#: encoder-decoder, about ten million parameters for the others.
DEFAULT_SIZE = "10M"
BASE = (6, 512, 8)
#: CodeGen's attention is laid out for four processors: heads come in fours.
_CODEGEN_HEADS = 4
_WIDTH_STEP = 32
_WIDEST = 4096
_ASPECT = 64
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMB])", re.IGNORECASE)
_UNITS = {"K": 10**3, "M": 10**6, "B": 10**9}


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers of a model; of an encoder-decoder `layers` is those of each half.

    `context` is in tokens. The embeddings also serve as the output, in every architecture.
    """

    architecture: str
    layers: int
    width: int
    heads: int
    vocabulary: int
    context: int
    dropout: float = 0.0

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return _PARAMETERS[self.architecture](self)

    def config(self, tokens: dict[str, int]) -> dict[str, Any]:
        """What its `config.json` says; `tokens` are the ids of pad, begin and end."""
        ids = {f"{name}_token_id": tokens[name] for name in ("pad", "bos", "eos")}
        return {**_CONFIGS[self.architecture](self), **ids, "vocab_size": self.vocabulary}


def faults(wanted: ScratchPart) -> list[tuple[str, str]]:
    """What cannot be built, as the field at fault and what is wrong with it."""
    found = []
    if wanted.size:
        if _SIZE.fullmatch(wanted.size) is None:
            found.append(("size", f"{wanted.size!r} is no size: write it as 10M or 350K"))
        named = [n for n in ("layers", "width", "heads") if getattr(wanted, n) is not None]
        if named:
            found.append(("size", f"a size picks {', '.join(named)} itself: name one or the other"))
        return found
    _, width, heads = _numbers(wanted)
    if width % heads:
        near = ", ".join(str(n) for n in _divisors(width, heads))
        found.append(("heads", f"{heads} heads do not divide a width of {width} (near: {near})"))
    elif wanted.architecture in ("codegen", "llama") and (width // heads) % 2:
        found.append(("heads", f"heads of {width // heads} are odd, and {wanted.architecture}'s "
                               "positions turn pairs of numbers"))  # fmt: skip
    if wanted.architecture == "codegen" and heads % _CODEGEN_HEADS:
        found.append(("heads", f"codegen has its heads in fours, and {heads} are no fours"))
    if wanted.architecture == ENCODER_DECODER and width % 2:
        found.append(("width", f"a width of {width} is odd, and positions are pairs of numbers"))
    return found


def plan_shape(wanted: ScratchPart, vocabulary: int, context: int) -> Shape:
    """The shape for what is asked, with so many tokens and a context of so many.

    Raises:
        UnknownName: there is no such architecture.
        UsageError: it cannot be built.
    """
    if wanted.architecture not in _CONFIGS:
        raise UnknownName("architecture", wanted.architecture, _CONFIGS, field="architecture")
    if found := faults(wanted):
        field, told = found[0]
        raise UsageError(told, field=field)
    dropout = wanted.dropout
    if dropout is None:
        dropout = 0.1 if wanted.architecture == ENCODER_DECODER else 0.0
    plain = wanted.layers is None and wanted.width is None and wanted.heads is None
    size = wanted.size or ("" if wanted.architecture == ENCODER_DECODER or not plain
                           else DEFAULT_SIZE)  # fmt: skip
    if not size:
        return Shape(wanted.architecture, *_numbers(wanted), vocabulary, context, dropout)
    return _nearest(wanted.architecture, parse_size(size), (vocabulary, context, dropout))


def parse_size(text: str) -> int:
    """The parameters that `text`, as 10M, names.

    Raises:
        UsageError: it names none.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no size", hint="write it as 10M or 350K", field="size")
    return round(float(found[1]) * _UNITS[found[2].upper()])


def _numbers(wanted: ScratchPart) -> tuple[int, int, int]:
    layers, width, heads = BASE
    width = wanted.width or width
    if wanted.heads is None and wanted.width is not None:
        heads = _heads(width)
    return wanted.layers or layers, width, wanted.heads or heads


def _nearest(architecture: str, size: int, rest: tuple[int, int, float]) -> Shape:
    """The shape whose parameters are nearest to `size`, of one width for each depth.

    Raises:
        UsageError: the smallest is more than twice as large: the vocabulary takes it all.
    """
    shapes = [
        Shape(architecture, _layers(width), width, _heads(width), *rest)
        for width in range(_WIDTH_STEP, _WIDEST + 1, _WIDTH_STEP)
        if architecture != "codegen" or _heads(width) % _CODEGEN_HEADS == 0
    ]
    best = min(shapes, key=lambda shape: abs(shape.parameters - size))
    if best.parameters > 2 * size:
        raise UsageError(
            f"{size:,} parameters are too few for a vocabulary of {rest[0]:,}: the smallest "
            f"{architecture} has {best.parameters:,}",
            hint="choose a larger size or a smaller vocabulary",
            field="size",
        )
    return best


def _layers(width: int) -> int:
    return max(2, round(width / _ASPECT))


def _heads(width: int) -> int:
    """Heads of 32, or of 64 from a width of 512 on; one where the width is no multiple."""
    size = 64 if width >= 512 else 32
    return next(heads for heads in range(max(1, width // size), 0, -1) if width % heads == 0)


def _divisors(width: int, near: int) -> list[int]:
    found = sorted((n for n in range(1, width + 1) if width % n == 0), key=lambda n: abs(n - near))
    return sorted(found[:3])


def _gated(width: int) -> int:
    """Llama's inner width: two thirds of four times the width, in steps of 32."""
    return -(-width * 8 // 3 // 32) * 32


def _gpt2_parameters(s: Shape) -> int:
    layer = 12 * s.width**2 + 13 * s.width
    return (s.vocabulary + s.context) * s.width + s.layers * layer + 2 * s.width


def _codegen_parameters(s: Shape) -> int:
    layer = 12 * s.width**2 + 7 * s.width
    return s.vocabulary * (s.width + 1) + s.layers * layer + 2 * s.width


def _llama_parameters(s: Shape) -> int:
    layer = 4 * s.width**2 + 3 * s.width * _gated(s.width) + 2 * s.width
    return s.vocabulary * s.width + s.layers * layer + s.width


def _encoder_decoder_parameters(s: Shape) -> int:
    attention, norm = 4 * s.width**2 + 4 * s.width, 2 * s.width
    inner = 8 * s.width**2 + 5 * s.width
    layers = 3 * attention + 2 * inner + 5 * norm  # one of the encoder, one of the decoder
    return s.vocabulary * s.width + s.layers * layers + 2 * norm


def _gpt2_config(s: Shape) -> dict[str, Any]:
    return {
        "model_type": "gpt2", "n_layer": s.layers, "n_embd": s.width, "n_head": s.heads,
        "n_positions": s.context, "resid_pdrop": s.dropout, "embd_pdrop": s.dropout,
        "attn_pdrop": s.dropout, "tie_word_embeddings": True,
    }  # fmt: skip


def _codegen_config(s: Shape) -> dict[str, Any]:
    # Half of each head turns with the position, as in the 350M model.
    rotary = max(2, s.width // s.heads // 2 // 2 * 2)
    return {
        "model_type": "codegen", "n_layer": s.layers, "n_embd": s.width, "n_head": s.heads,
        "n_positions": s.context, "n_ctx": s.context, "rotary_dim": rotary,
        "resid_pdrop": s.dropout, "embd_pdrop": s.dropout, "attn_pdrop": s.dropout,
        "tie_word_embeddings": True,
    }  # fmt: skip


def _llama_config(s: Shape) -> dict[str, Any]:
    return {
        "model_type": "llama", "num_hidden_layers": s.layers, "hidden_size": s.width,
        "num_attention_heads": s.heads, "num_key_value_heads": s.heads,
        "intermediate_size": _gated(s.width), "max_position_embeddings": s.context,
        "attention_dropout": s.dropout, "tie_word_embeddings": True,
    }  # fmt: skip


def _encoder_decoder_config(s: Shape) -> dict[str, Any]:
    return {
        "model_type": "codelathe-seq2seq", "encoder_layers": s.layers, "decoder_layers": s.layers,
        "d_model": s.width, "num_attention_heads": s.heads, "feed_forward": 4 * s.width,
        "dropout": s.dropout, "max_position_embeddings": s.context,
    }  # fmt: skip


_PARAMETERS: dict[str, Callable[[Shape], int]] = {
    "gpt2": _gpt2_parameters,
    "codegen": _codegen_parameters,
    "llama": _llama_parameters,
    ENCODER_DECODER: _encoder_decoder_parameters,
}
_CONFIGS: dict[str, Callable[[Shape], dict[str, Any]]] = {
    "gpt2": _gpt2_config,
    "codegen": _codegen_config,
    "llama": _llama_config,
    ENCODER_DECODER: _encoder_decoder_config,
}
