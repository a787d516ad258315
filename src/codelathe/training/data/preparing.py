"""From rows to the documents of a run: overlap, duplicates, parts, tokens, lengths, in that order.

Everything that is left out on the way is told, and what must not be trained on is refused
before anything starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from codelathe.training.data.checking import Refused, render_rows, require_supervised
from codelathe.training.data.duplicates import NEAR, Deduplicated, deduplicate
from codelathe.training.data.fitting import Fitted, Policy, fit
from codelathe.training.data.overlap import Overlap, find_overlaps, refuse_overlaps
from codelathe.training.data.rendering import Renderer
from codelathe.training.data.rows import Row
from codelathe.training.data.splitting import By, Shares, Split, split


@dataclass(frozen=True, slots=True)
class Preparation:
    """How rows are prepared. `max_length` is in tokens.

    `near` is the likeness from which rows are duplicates, None to leave out only equal ones;
    `overlap` allows text of benchmarks.
    """

    max_length: int
    long: Policy = "drop"
    shares: Shares = field(default_factory=Shares)
    by: By = "group"
    seed: int = 0
    near: float | None = NEAR
    overlap: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """The parts as rows, training and validation as documents too, and what was left out.

    The test part stays rows: it is for questions and judges, not for a loss.
    """

    parts: Split
    train: Fitted
    validation: Fitted
    duplicates: Deduplicated
    overlaps: tuple[Overlap, ...]
    refused: tuple[Refused, ...]
    supervised: int


@dataclass(frozen=True, slots=True)
class Parted:
    """Rows in their parts, and what was found on the way."""

    parts: Split
    duplicates: Deduplicated
    overlaps: tuple[Overlap, ...]


def part_rows(
    rows: Sequence[Row], how: Preparation, problems: Iterable[tuple[str, str]] = ()
) -> Parted:
    """The parts of `rows`, before any tokenizer is needed; `problems` as of `prepare`.

    Raises:
        InputError: benchmark text is among them and not allowed, or a part would be empty.
    """
    overlaps = find_overlaps(rows, problems)
    if not how.overlap:
        refuse_overlaps(overlaps)
    duplicates = deduplicate(rows, how.near)
    parts = split(duplicates.rows, how.shares, by=how.by, seed=how.seed)
    return Parted(parts, duplicates, tuple(overlaps))


def prepare(
    rows: Sequence[Row],
    renderer: Renderer,
    how: Preparation,
    problems: Iterable[tuple[str, str]] = (),
) -> Prepared:
    """Prepare `rows`; `problems` are benchmark texts (id, text) that must not be among them.

    Raises:
        InputError: benchmark text is among them and not allowed; a part would be empty; or the
            loss would count no token.
        ModelFileError: the model lacks a template or tokens that the rows need, or the template
            does not show which text the assistant wrote.
    """
    renderer.check(rows)
    return render_parts(part_rows(rows, how, problems), renderer, how)


def render_parts(parted: Parted, renderer: Renderer, how: Preparation) -> Prepared:
    """The documents of parts that are there already.

    Raises:
        InputError: the loss would count no token.
        ModelFileError: the model lacks a template or tokens that the rows need.
    """
    refused: list[Refused] = []
    train, validation = (
        _documents(part, renderer, how, refused)
        for part in (parted.parts.train, parted.parts.validation)
    )
    return Prepared(
        parts=parted.parts,
        train=train,
        validation=validation,
        duplicates=parted.duplicates,
        overlaps=parted.overlaps,
        refused=tuple(refused),
        supervised=require_supervised(train.documents),
    )


def left_out(prepared: Prepared, length: int) -> Iterator[str]:
    """What is not learned from, and why, in words; documents have at most `length` tokens."""
    yield from repeated(prepared.duplicates)
    if prepared.refused:
        first = prepared.refused[0]
        yield f"{len(prepared.refused):,} rows cannot be rendered: {first.why}"
    long = prepared.train.long + prepared.validation.long
    if long:
        dropped = prepared.train.dropped + prepared.validation.dropped
        lost = prepared.train.lost + prepared.validation.lost
        rows = "1 row is" if long == 1 else f"{long:,} rows are"
        yield (
            f"{rows} longer than {length:,} tokens: {dropped:,} left out whole, {lost:,} tokens "
            "that would have counted lost"
        )


def repeated(duplicates: Deduplicated) -> Iterator[str]:
    """How many rows are left out because others say the same, in words; nothing of none."""
    count = len(duplicates.exact) + len(duplicates.near)
    if count == 1:
        yield "1 row says what another says, and is left out"
    elif count:
        yield f"{count:,} rows say what others say, and are left out"


def _documents(
    rows: Sequence[Row], renderer: Renderer, how: Preparation, refused: list[Refused]
) -> Fitted:
    documents = []
    for found in render_rows(rows, renderer):
        if isinstance(found, Refused):
            refused.append(found)
        else:
            documents.append(found[1])
    return fit(documents, how.max_length, how.long)
