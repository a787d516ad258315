"""Exact and near duplicates among rows: which stay, and which go for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import chain
from zlib import crc32

from codelathe.training.data.minhash import NearIndex, sketched
from codelathe.training.data.rows import Chat, Hole, Pair, Row, Text
from codelathe.training.data.shingles import jaccard, shingles

#: From this likeness of their shingles on, rows are near duplicates.
NEAR = 0.8
#: What is in more rows than this, and in more than this share of them, is their form: of what is
#: asked, and of plain texts, all of which is learned.
_FORM, _ASKED_SHARE, _PLAIN_SHARE = 16, 0.05, 0.5
#: Rows that are looked through for it.
_SAMPLE = 4000
#: Two texts by index, whether they need not be compared.
Passed = Callable[[int, int], bool]


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


def near_pairs(
    sets: Iterable[frozenset[int]], threshold: float = NEAR, passed: Passed = lambda *_: False
) -> Iterator[Near]:
    """All pairs of texts, by their shingles, that have at least `threshold` of them in common.

    That is the Jaccard index. Pairs come by their second text; those that are `passed` when
    their turn comes are not compared.

    Raises:
        UsageError: the threshold is not in 0.6..1.
    """
    return _near_pairs(NearIndex(threshold), sets, passed)


def _near_pairs(index: NearIndex, sets: Iterable[frozenset[int]], passed: Passed) -> Iterator[Near]:
    for second, found in enumerate(sets):
        members = sketched(found)
        for first, likeness in index.near(members, partial(passed, second)):
            yield Near(first, second, likeness)
        index.add(members)


def own_shingles(rows: Sequence[Row]) -> Iterator[frozenset[int]]:
    """The shingles by which each row is compared: all but those of the form that many have.

    A form is a system prompt, say, or the words of a task. Without this all rows that are asked
    in one way would be near each other. What is learned is never form, nor is a text with a hole:
    what stands around one hole fills another.
    """
    asked, plain = _forms(rows)
    for row in rows:
        members = own = shingles(row.text)
        if isinstance(row.content, Text):
            own = members - plain
        elif asked and not isinstance(row.content, Hole):
            own = (members - asked) | (members & shingles(row.learned))
        yield own or members


def _forms(rows: Sequence[Row]) -> tuple[frozenset[int], frozenset[int]]:
    """The shingles of the form of what is asked, and of the form of plain texts."""
    if len(rows) > _SAMPLE:  # the same in whatever order they come
        rows = sorted(rows, key=lambda row: (crc32(row.text.encode()), row.text))[:_SAMPLE]
    questions = [row for row in rows if isinstance(row.content, Chat | Pair)]
    texts = [row for row in rows if isinstance(row.content, Text)]
    asked = (shingles(row.text) - shingles(row.learned) for row in questions)
    plain = (shingles(row.text) for row in texts)
    return (
        _frequent(asked, len(questions) * _ASKED_SHARE),
        _frequent(plain, len(texts) * _PLAIN_SHARE),
    )


def _frequent(sets: Iterable[frozenset[int]], most: float) -> frozenset[int]:
    counts = Counter(chain.from_iterable(sets))
    return frozenset(one for one, count in counts.items() if count > max(_FORM, most))


def deduplicate(rows: Sequence[Row], threshold: float | None = NEAR) -> Deduplicated:
    """Leave out rows that say the same as an earlier one; with `threshold`, nearly the same.

    Rows are near where all that they say is, but for the form that many have, and what is learned
    from them too. A row goes only where it is near to one that stays, never to one that went.

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
    index, unlike = NearIndex(threshold), tuple(first.values())
    for row, own in zip(unlike, own_shingles(unlike), strict=True):
        members = sketched(own)
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
