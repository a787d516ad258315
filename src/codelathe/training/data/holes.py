"""Fill in the middle: which tokens a model has for it, and how a text with a hole is written.

PSM puts prefix, suffix, middle; SPM puts the suffix first, so that prefix and middle stand
together (Bavarian et al. 2022, "Efficient Training of Language Models to Fill in the Middle";
SPM in the form of its section on joint training, which StarCoder and Code Llama use):

    PSM  <prefix> P <suffix> S <middle> M <end>
    SPM  <prefix> <suffix> S <middle> P M <end>
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from codelathe.core.errors import ModelFileError
from codelathe.training.data.tokenizer import Tokenizer

Order = Literal["psm", "spm"]
#: Prefix, suffix and middle, as families of models write them.
_MARKERS = (
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),  # Qwen, CodeGemma
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),  # StarCoder, Granite
    ("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),  # SantaCoder
    ("▁<PRE>", "▁<SUF>", "▁<MID>"),  # Code Llama
    ("<PRE>", "<SUF>", "<MID>"),
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),  # DeepSeek
    ("<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"),  # GLM
)
#: What ends a document or a middle, whatever ends a turn of chat.
DOCUMENT_ENDS = ("▁<EOT>", "<EOT>", "<|endoftext|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>")


@dataclass(frozen=True, slots=True)
class HoleTokens:
    """The ids of a model's own tokens for fill in the middle."""

    prefix: int
    suffix: int
    middle: int
    end: int | None


def hole_tokens(tokenizer: Tokenizer, model: str) -> HoleTokens:
    """The model's tokens, found among its special tokens.

    Raises:
        ModelFileError: it has none.
    """
    for markers in _MARKERS:
        prefix, suffix, middle = (tokenizer.special(text) for text in markers)
        if prefix is not None and suffix is not None and middle is not None:
            return HoleTokens(prefix, suffix, middle, document_end(tokenizer, DOCUMENT_ENDS))
    raise ModelFileError(
        f"{model} has no tokens for fill in the middle",
        hint="name a code model that has them (Qwen2.5-Coder, StarCoder, Code Llama, DeepSeek), "
        "or leave out rows with prefix, suffix and middle",
        field="model",
    )


def document_end(tokenizer: Tokenizer, known: tuple[str, ...] = DOCUMENT_ENDS[2:]) -> int | None:
    """The token that ends a document: not always the one that ends a turn of chat."""
    found = (tokenizer.special(text) for text in known)
    return next((token for token in found if token is not None), tokenizer.ends)
