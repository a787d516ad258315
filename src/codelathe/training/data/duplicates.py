"""Exact and near duplicates among rows: which stay, and which go for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from codelathe.training.data.minhash import NearIndex, sketched
from codelathe.training.data.rows import Row
from codelathe.training.data.shingles import jaccard, shingles

#: From this likeness of their shingles on, rows are near duplicates.
NEAR = 0.8


@dataclass(frozen=True, slots=True)
class Near:
    """Two texts by index, `first` below `second`, and how much their shingles share."""

    first: int
    second: int
    jaccard: float


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """The rows that are left, in order.

    `exact` and `near` are the rows that were left out, each with the row that stays for it.
    """

    rows: tuple[Row, ...]
    exact: tuple[tuple[Row, Row], ...]
    near: tuple[tuple[Row, Row], ...]


def near_pairs(texts: Sequence[str], threshold: float = NEAR) -> list[Near]:
    """All pairs of texts whose shingles have at least `threshold` in common (Jaccard).

    Raises:
        UsageError: the threshold is not in 0.6..1.
    """
    index = NearIndex(threshold)
    found = []
    for second, text in enumerate(texts):
        members = sketched(shingles(text))
        found += [Near(first, second, likeness) for first, likeness in index.near(members)]
        index.add(members)
    return sorted(found, key=lambda near: (near.first, near.second))


def deduplicate(rows: Sequence[Row], threshold: float | None = NEAR) -> Deduplicated:
    """Leave out rows that say the same as an earlier one; with `threshold`, nearly the same.

    Rows are near where all that they say is, and what is learned from them too. A row goes only
    where it is near to one that stays, never to one that went.

    Raises:
        UsageError: the threshold is not in 0.6..1.
    """
    first: dict[bytes, Row] = {}
    exact = []
    for row in rows:
        key = _key(row)
        if key in first:
            exact.append((row, first[key]))
        else:
            first[key] = row
    if threshold is None:
        return Deduplicated(tuple(first.values()), tuple(exact), ())
    kept: list[Row] = []
    near = []
    index = NearIndex(threshold)
    for row in first.values():
        members = sketched(shingles(row.text))
        candidates = (kept[number] for number, _ in index.near(members))
        stays = next((other for other in candidates if _teach_alike(row, other, threshold)), None)
        if stays is None:
            kept.append(row)
            index.add(members)
        else:
            near.append((row, stays))
    return Deduplicated(tuple(kept), tuple(exact), tuple(near))


def _teach_alike(one: Row, other: Row, threshold: float) -> bool:
    """Whether what is learned is near too.

    Code to its docstring is not the docstring to its code, and one text has many holes.
    """
    if one.form == other.form == "text":
        return True  # all of it is learned, and was compared
    return jaccard(shingles(one.learned), shingles(other.learned)) >= threshold


def _key(row: Row) -> bytes:
    return blake2b(repr(row.content).encode(), digest_size=16).digest()
