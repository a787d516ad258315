"""Rows as pairs of token sequences, for a model that reads one text and writes another.

The source ends with the end token, so that no source is empty and the encoder sees that it is
whole; so does the target, which is how the model learns to stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codelathe.core.errors import InputError, UsageError
from codelathe.core.generation import Message
from codelathe.text.chat import ChatTemplate
from codelathe.training.data.fitting import Policy
from codelathe.training.data.rows import Pair, Row

if TYPE_CHECKING:
    import tokenizers


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What the encoder reads and what the decoder learns to write, as token ids."""

    source: tuple[int, ...]
    target: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs that fit the context. `long` were longer; of these `dropped` are left out.

    `lost` counts target tokens that are gone.
    """

    pairs: tuple[TokenPair, ...]
    long: int = 0
    dropped: int = 0
    lost: int = 0

    @property
    def supervised(self) -> int:
        """How many predictions the loss counts."""
        return sum(len(pair.target) for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class PairRendering:
    """How rows become pairs: the tokenizer, the template of what is read, and the longest."""

    tokenizer: tokenizers.Tokenizer
    template: ChatTemplate
    max_length: int
    long: Policy = "drop"


def pair_rows(rows: Sequence[Row]) -> tuple[tuple[Row, ...], int]:
    """The rows that have a prompt and a completion, and how many have not.

    Raises:
        InputError: none has.
    """
    pairs = tuple(row for row in rows if isinstance(row.content, Pair))
    if not pairs:
        forms = ", ".join(sorted({row.form for row in rows})) or "none"
        raise InputError(
            f"an encoder-decoder learns to write one text for another, and no row is a pair "
            f"(forms: {forms})",
            hint="give rows of prompt and completion, or instruction and output; or choose "
            "architecture = gpt2, codegen or llama",
            field="data",
        )
    return pairs, len(rows) - len(pairs)


def source_text(row: Row, template: ChatTemplate) -> str:
    """What the encoder reads of a row: by the template that questions are rendered with later."""
    assert isinstance(row.content, Pair)
    return template((Message("user", row.content.prompt),))


def check_policy(policy: Policy) -> None:
    """Refuse to split: a half of a target does not belong to the source.

    Raises:
        UsageError: told with what can be done.
    """
    if policy == "split":
        raise UsageError(
            "pairs cannot be split: half of an answer belongs to no question",
            hint='long = "drop" or "cut"',
            field="long",
        )


def render_pairs(rows: Sequence[Row], how: PairRendering) -> Pairs:
    """The pairs of `rows`, which all are such.

    Raises:
        UsageError: the policy is to split.
    """
    check_policy(how.long)
    own, longest = how.tokenizer, how.max_length
    sources = own.encode_batch([source_text(row, how.template) for row in rows])
    targets = own.encode_batch([row.learned for row in rows])
    pairs = []
    long = dropped = lost = 0
    for read, written in zip(sources, targets, strict=True):
        source, target = read.ids, written.ids
        if max(len(source), len(target)) > longest:
            long += 1
            if how.long == "drop":
                dropped += 1
                lost += len(target)
                continue
            lost += max(0, len(target) - longest)
            # A source that was cut still ends; a target that was cut must not teach to end there.
            source = source if len(source) <= longest else [*source[: longest - 1], source[-1]]
            target = target[:longest]
        pairs.append(TokenPair(tuple(source), tuple(target)))
    return Pairs(tuple(pairs), long, dropped, lost)


def require_pairs(pairs: Pairs, longest: int, part: str) -> None:
    """Refuse a part of which nothing fits.

    Raises:
        InputError: told with how many were too long.
    """
    if not pairs.pairs:
        raise InputError(
            f"all {pairs.dropped:,} pairs of the {part} part are longer than {longest:,} tokens",
            hint='raise max_length, or choose long = "cut"',
            field="max_length",
        )
