"""Documents longer than the context: left out, cut at the end, or split into several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from codelathe.core.errors import UnknownName, UsageError
from codelathe.training.data.tokens import Tokens

Policy = Literal["drop", "cut", "split"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Documents of at most the context's length, each with something to learn.

    `long` counts those that were longer; `dropped` those that nothing is left of, because they
    were dropped, or because no token that the loss counts was left; `lost` the tokens, of those
    the loss counts, that are gone.
    """

    documents: tuple[Tokens, ...]
    long: int
    dropped: int
    lost: int


def parse_policy(name: str) -> Policy:
    """The policy `name`.

    Raises:
        UnknownName: there is no such policy.
    """
    for policy in POLICIES:
        if policy == name:
            return policy
    raise UnknownName("policy for rows that are too long", name, POLICIES, field="long")


def fit(documents: Iterable[Tokens], length: int, policy: Policy) -> Fitted:
    """Make every document fit `length` tokens; those without anything to learn are left out.

    A piece of a document that is split begins without what stood before it, so the loss does
    not count its first token.

    Raises:
        UsageError: `length` is below 2, too short to predict anything.
    """
    if length < 2:
        raise UsageError(f"a length of {length} leaves nothing to predict", field="max_length")
    kept: list[Tokens] = []
    long = dropped = lost = 0
    for document in documents:
        pieces = [document] if len(document) <= length else _pieces(document, length, policy)
        long += len(document) > length
        left = [piece for piece in pieces if piece.supervised]
        dropped += not left
        lost += document.supervised - sum(piece.supervised for piece in left)
        kept.extend(left)
    return Fitted(tuple(kept), long, dropped, lost)


def _pieces(document: Tokens, length: int, policy: Policy) -> list[Tokens]:
    if policy == "drop":
        return []
    stop = length if policy == "cut" else len(document)
    return [
        _begun(document.ids[at : at + length], document.trained[at : at + length])
        for at in range(0, stop, length)
    ]


def _begun(ids: tuple[int, ...], trained: tuple[bool, ...]) -> Tokens:
    return Tokens(ids, (False, *trained[1:]))
