"""A document for training: token ids, and which of them the loss counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tokens:
    """A document of `len(ids)` tokens.

    `trained[i]` says that the loss counts the prediction of token `i` from those before it.
    The first token of a document has none before it: nothing ever counts it.
    """

    ids: tuple[int, ...]
    trained: tuple[bool, ...]

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.trained):
            raise ValueError(f"{len(self.ids)} ids and {len(self.trained)} marks do not pair up")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def supervised(self) -> int:
        """How many predictions the loss counts."""
        return sum(self.trained[1:])
