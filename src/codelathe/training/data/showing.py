"""Tokens as a person reads them: each with the text it stands for and whether it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codelathe.training.data.tokenizer import Tokenizer
from codelathe.training.data.tokens import Tokens

_HALF = "\N{REPLACEMENT CHARACTER}"
#: Tokens before a token that its text may depend on (spaces, bytes of one character).
_BEFORE = 8


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A token and its text; of the tokens of one character the last has it, the others none."""

    id: int
    text: str
    trained: bool


def show_tokens(tokens: Tokens, tokenizer: Tokenizer) -> list[ShownToken]:
    """The tokens of a document, one after the other."""
    texts = _texts(tokens.ids, tokenizer)
    return [
        ShownToken(token, text, trained)
        for token, text, trained in zip(tokens.ids, texts, tokens.trained, strict=True)
    ]


def _texts(ids: Sequence[int], tokenizer: Tokenizer) -> list[str]:
    texts: list[str] = []
    pending = 0  # tokens before this one that have only the beginning of a character
    for index in range(len(ids)):
        start = max(0, index - pending - _BEFORE)
        before = tokenizer.decode(ids[start : index - pending])
        text = tokenizer.decode(ids[start : index + 1])[len(before) :]
        if text.endswith(_HALF) and pending < 3 and index + 1 < len(ids):
            texts.append("")
            pending += 1
        else:
            texts.append(text)
            pending = 0
    return texts
