"""What a model would make of rows: their tokens, which of them the loss counts, what is too long.

Nothing is left out silently: a row that cannot be rendered is a fault like those of reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from codelathe.core.errors import EngineError, InputError
from codelathe.training.data.duplicates import deduplicate
from codelathe.training.data.rendering import Renderer
from codelathe.training.data.rows import Row
from codelathe.training.data.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that the model's template or tokens cannot render, and why."""

    row: Row
    why: str


@dataclass(frozen=True, slots=True)
class Lengths:
    """Rows as a model's tokens. `supervised` counts tokens that the loss counts.

    `too_long` are the rows of more than `limit` tokens, each with how many it has; with no
    limit there are none.
    """

    rows: int
    tokens: int
    supervised: int
    longest: int
    median: int
    limit: int | None
    too_long: tuple[tuple[Row, int], ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Repeats:
    """How many rows say the same as an earlier one, and how many nearly the same."""

    exact: int
    near: int


def render_rows(rows: Iterable[Row], renderer: Renderer) -> Iterator[tuple[Row, Tokens] | Refused]:
    """Each row with its tokens, or why it has none."""
    for row in rows:
        try:
            yield row, renderer.render(row)
        except EngineError as error:
            yield Refused(row, error.message)


def measure(rows: Iterable[Row], renderer: Renderer, limit: int | None = None) -> Lengths:
    """The lengths of `rows` in tokens. What the model cannot render is `refused`."""
    lengths: list[int] = []
    too_long: list[tuple[Row, int]] = []
    refused: list[Refused] = []
    supervised = 0
    for found in render_rows(rows, renderer):
        if isinstance(found, Refused):
            refused.append(found)
            continue
        row, tokens = found
        lengths.append(len(tokens))
        supervised += tokens.supervised
        if limit is not None and len(tokens) > limit:
            too_long.append((row, len(tokens)))
    ordered = sorted(lengths)
    return Lengths(
        rows=len(lengths),
        tokens=sum(lengths),
        supervised=supervised,
        longest=ordered[-1] if ordered else 0,
        median=ordered[len(ordered) // 2] if ordered else 0,
        limit=limit,
        too_long=tuple(too_long),
        refused=tuple(refused),
    )


def count_repeats(rows: Sequence[Row]) -> Repeats:
    """Exact and near duplicates among `rows`."""
    found = deduplicate(rows)
    return Repeats(len(found.exact), len(found.near))


def require_supervised(documents: Iterable[Tokens]) -> int:
    """How many tokens the loss counts in `documents`; none is refused.

    Raises:
        InputError: there is not one.
    """
    total = sum(document.supervised for document in documents)
    if not total:
        raise InputError(
            "the loss would count no token at all: nothing would be learned",
            hint="look at what is masked: lathe data show FILE --model REF",
            field="data",
        )
    return total
