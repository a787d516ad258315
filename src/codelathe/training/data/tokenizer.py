"""What rendering needs of a tokenizer, and the one of the package `tokenizers` as such.

Rendering never asks a tokenizer to add anything: which tokens begin and end a document is
decided here, and seen by whoever prints one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from codelathe.core.checkpoint import CheckpointHeader
from codelathe.core.errors import MissingDependency, ModelFileError

if TYPE_CHECKING:
    import tokenizers

#: Token ids, and of each the characters that it stands for: `text[start:end]`.
Encoded = tuple[list[int], list[tuple[int, int]]]


class Tokenizer(Protocol):
    """Text to tokens, nothing added.

    `begins` is the token that the model expects before every text, None where it expects
    none; `ends` the token that ends its answers.
    """

    @property
    def begins(self) -> int | None:
        """The token before every text, if any."""
        ...

    @property
    def ends(self) -> int | None:
        """The token after every answer, if any."""
        ...

    def encode(self, text: str, *, special: bool = True) -> Encoded:
        """Tokens and their places; with `special` special tokens are read in `text` as such.

        A token that is a part of a character has the place of that character.
        """
        ...

    def special(self, text: str) -> int | None:
        """The special token that `text` is, None where it is none."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, special ones included; for half a character U+FFFD."""
        ...


class FastTokenizer:
    """A tokenizer of the package `tokenizers`.

    `begins` and `ends` are the texts of these tokens, empty where the model has none.
    """

    def __init__(self, own: tokenizers.Tokenizer, begins: str = "", ends: str = "") -> None:
        self._own = _bare(own)
        self._specials = {
            token.content: index
            for index, token in own.get_added_tokens_decoder().items()
            if token.special or token.content.startswith("<")
        }
        self.begins = own.token_to_id(begins) if begins else None
        self.ends = own.token_to_id(ends) if ends else None

    def encode(self, text: str, *, special: bool = True) -> Encoded:
        """As of Tokenizer."""
        self._own.encode_special_tokens = not special
        found = self._own.encode(text, add_special_tokens=False)
        return found.ids, found.offsets

    def special(self, text: str) -> int | None:
        """As of Tokenizer."""
        return self._specials.get(text)

    def decode(self, ids: Sequence[int]) -> str:
        """As of Tokenizer."""
        return self._own.decode(list(ids), skip_special_tokens=False)


def _bare(own: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """A copy without post-processor: that adds tokens, and trims spaces off their places."""
    document = json.loads(own.to_str())
    document["post_processor"] = None
    return type(own).from_str(json.dumps(document))


def take_whole_texts(own: tokenizers.Tokenizer) -> None:
    """Let a tokenizer cut and fill up no text, as its file has it that was saved while it did."""
    own.no_truncation()
    own.no_padding()


def open_tokenizer(header: CheckpointHeader) -> FastTokenizer:
    """The tokenizer in a checkpoint's folder, read from its `tokenizer.json`.

    Raises:
        MissingDependency: the package `tokenizers` is not installed.
        ModelFileError: there is no such file, or it is damaged.
    """
    try:
        import tokenizers
    except ImportError:
        raise MissingDependency("tokenizers", "train", "a checkpoint's tokenizer") from None
    path = header.path / "tokenizer.json"
    if not path.is_file():
        raise ModelFileError(
            f"{header.path} has no tokenizer.json, so its texts cannot be shown as tokens",
            hint="save it again with a fast tokenizer (transformers writes the file)",
        )
    try:
        own = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 (the package raises nothing narrower)
        raise ModelFileError(
            f"{path} is no tokenizer: {error}", hint="fetch the model again"
        ) from None
    take_whole_texts(own)
    begins = header.special_token("bos") if begins_with_bos(own, header) else ""
    return FastTokenizer(own, begins, header.special_token("eos"))


def begins_with_bos(own: tokenizers.Tokenizer, header: CheckpointHeader) -> bool:
    """Whether the tokenizer itself puts its BOS before a text."""
    bos = header.special_token("bos")
    return bool(bos) and own.encode("a").tokens[:1] == [bos]
