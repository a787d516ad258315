"""A GGUF file's own tokenizer, by llama.cpp, with the place of each token in the text.

It is for looking at training data without torch: the model is mapped, not computed with.
"""

from __future__ import annotations

from collections.abc import Sequence

from codelathe.core.gguf import GgufHeader
from codelathe.engines._prompting import begins_with_bos
from codelathe.engines.llamacpp import LlamaCppEngine


class GgufTokenizer:
    """Text to tokens as the model in the file of `header` reads it; nothing is added.

    `begins` is the token that the model expects before every text, None where it expects none;
    `ends` the one that ends its answers.

    Raises:
        ModelFileError: the file is not usable, or llama.cpp refuses it.
    """

    def __init__(self, header: GgufHeader) -> None:
        self._engine = LlamaCppEngine(header.path)
        self._specials: dict[str, int | None] = {}
        begins, ends = (
            header.metadata.get(f"tokenizer.ggml.{kind}_token_id") for kind in ("bos", "eos")
        )
        self.begins = int(begins) if begins is not None and begins_with_bos(header) else None
        self.ends = int(ends) if ends is not None else None

    def encode(self, text: str, *, special: bool = True) -> tuple[list[int], list[tuple[int, int]]]:
        """The tokens, and of each the characters `text[start:end]` that it stands for.

        A token that is a part of a character has the place of that character. With `special`,
        special tokens are read in `text` as such.
        """
        pieces = self._engine.pieces(text, special=special) if text else []
        return [token for token, _ in pieces], _places(text, [piece for _, piece in pieces])

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, special ones included; for half a character U+FFFD."""
        return self._engine.text(ids)

    def special(self, text: str) -> int | None:
        """The special token that `text` is, None where it is none."""
        if text not in self._specials:
            whole = self._engine.pieces(text)
            plain = self._engine.pieces(text, special=False)
            alone = len(whole) == 1 and whole[0][0] not in [token for token, _ in plain]
            self._specials[text] = whole[0][0] if alone else None
        return self._specials[text]

    def close(self) -> None:
        """Free the model."""
        self._engine.close()


def _places(text: str, pieces: Sequence[bytes]) -> list[tuple[int, int]]:
    """From bytes to characters: where each piece begins and ends in `text`.

    Some vocabularies put a space before a text, and after a special token, that is not there.
    """
    data = text.encode()
    character: Sequence[int] = range(len(text) + 1)
    if not text.isascii():
        character = [index for index, sign in enumerate(text) for _ in sign.encode()]
        character.append(len(text))
    places, at = [], 0
    for piece in pieces:
        added = piece[:1] == b" " and not data.startswith(piece, at)
        stop = min(at + len(piece) - added, len(data))
        places.append((character[at], character[stop - 1] + 1 if stop > at else character[at]))
        at = stop
    return places
