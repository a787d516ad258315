"""Training, validation and test parts, such that nothing of one is known from another.

Rows of one group (or file, or time) are never parted, nor are rows that are nearly the same.
What belongs together goes as one, drawn with a seed; by time, the newest rows are the test.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from codelathe.core.errors import InputError, UnknownName, UsageError
from codelathe.training.data.duplicates import near_pairs, own_shingles
from codelathe.training.data.rows import Row

By = Literal["row", "group", "file", "time"]
BY: tuple[By, ...] = get_args(By)
#: Rows this alike, or more, stay on one side.
TOGETHER = 0.6
_PARTS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of the rows each part should get; what is left goes to training."""

    validation: float = 0.05
    test: float = 0.05

    def __post_init__(self) -> None:
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise UsageError(
                f"shares of {self.validation} for validation and {self.test} for the test leave "
                "nothing to train on",
                hint="for example 0.05 and 0.05",
                field="split",
            )


@dataclass(frozen=True, slots=True)
class Split:
    """The three parts, each in the order of the data."""

    train: tuple[Row, ...]
    validation: tuple[Row, ...]
    test: tuple[Row, ...]


def parse_by(name: str) -> By:
    """What rows are kept together by.

    Raises:
        UnknownName: there is no such way.
    """
    for by in BY:
        if by == name:
            return by
    raise UnknownName("way to split", name, BY, field="split")


def split(
    rows: Sequence[Row],
    shares: Shares | None = None,
    *,
    by: By = "group",
    seed: int = 0,
    together: float | None = TOGETHER,
) -> Split:
    """Split `rows` by `by`; rows with a likeness of `together` or more are not parted.

    A row without a group, or file, is one of its own. The same rows, in whatever order, and the
    same seed give the same parts.

    Raises:
        InputError: a part that should have rows would have none; by time, a row has no time.
    """
    shares = shares or Shares()
    sets = _sets(rows, by, together)
    parts = _by_time(rows, sets, shares) if by == "time" else _drawn(rows, sets, shares, seed)
    _require(parts, shares, len(sets), by)
    train, validation, test = (tuple(rows[i] for i in sorted(part)) for part in parts)
    return Split(train, validation, test)


def _sets(rows: Sequence[Row], by: By, together: float | None) -> list[list[int]]:
    """The rows, by index, that belong together."""
    union = _Union(len(rows))
    first: dict[str, int] = {}
    for index, row in enumerate(rows):
        if key := _key(row, by):
            union.join(first.setdefault(key, index), index)
    if together is not None:
        for pair in near_pairs(own_shingles(rows), together, union.joined):
            union.join(pair.first, pair.second)
    return union.sets()


def _key(row: Row, by: By) -> str:
    if by == "row":
        return ""
    key: str = getattr(row.about, by)
    if by == "time" and not key:
        raise InputError(
            f"{row.source}, line {row.line} has no time to split by",
            hint="give every row a time (ISO 8601), or split by group, file or row",
            field="split",
        )
    return key


def _drawn(
    rows: Sequence[Row], sets: list[list[int]], shares: Shares, seed: int
) -> list[list[int]]:
    """Each set to a part with room for it, the more likely the more room that has."""
    draw = random.Random(seed)  # noqa: S311 (not for secrets)
    parts: list[list[list[int]]] = [[], [], []]
    room = _wanted(len(rows), shares)
    order = sorted(sets, key=lambda members: min(_content(rows[i]) for i in members))
    draw.shuffle(order)
    for members in order:
        fitting = [space if space >= len(members) else 0 for space in room]
        if any(fitting):
            chosen = draw.choices(range(len(parts)), fitting)[0]
        else:
            chosen = room.index(max(room))
        parts[chosen].append(members)
        room[chosen] -= len(members)
    _lend(parts, shares)
    return [[index for members in part for index in members] for part in parts]


def _lend(parts: list[list[list[int]]], shares: Shares) -> None:
    """Where all sets were too large for a part that should have rows: the smallest one."""
    train = parts[0]
    for part, share in zip(parts[1:], (shares.validation, shares.test), strict=True):
        if share and not part and len(train) > 1:
            smallest = min(train, key=len)
            train.remove(smallest)
            part.append(smallest)


def _content(row: Row) -> str:
    return repr((row.content, row.about))


def _by_time(rows: Sequence[Row], sets: list[list[int]], shares: Shares) -> list[list[int]]:
    """The oldest to training, the newest to the test; a set is as old as its oldest row."""
    parts: list[list[int]] = [[], [], []]
    train, validation, _ = _wanted(len(rows), shares)
    placed = 0
    for members in sorted(sets, key=lambda members: min(_time(rows[i]) for i in members)):
        # By the set's middle: one that reaches over a border goes to where most of it lies.
        middle = placed + len(members) / 2
        part = 0 if middle <= train else 1 if middle <= train + validation else 2
        parts[part] += members
        placed += len(members)
    return parts


def _time(row: Row) -> float:
    moment = datetime.fromisoformat(row.about.time)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _wanted(count: int, shares: Shares) -> list[int]:
    """Rows for each part; a part that is wanted gets one at least."""
    held = [
        max(1, round(count * share)) if share else 0 for share in (shares.validation, shares.test)
    ]
    return [count - sum(held), *held]


def _require(parts: list[list[int]], shares: Shares, sets: int, by: By) -> None:
    for name, part, share in zip(_PARTS, parts, (1.0, shares.validation, shares.test), strict=True):
        if share and not part:
            raise InputError(
                f"the rows form {sets:,} set{'' if sets == 1 else 's'} that must stay together "
                f"(by {by}, and near duplicates), and nothing is left for the {name} part",
                hint="give more rows, split by row, or hold none out: data.validation = 0, "
                "data.test = 0",
                field="split",
            )


class _Union:
    """Numbers that were joined to sets (union-find, Tarjan 1975)."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self._root(one), self._root(other)))
        self._parent[second] = first

    def joined(self, one: int, other: int) -> bool:
        return self._root(one) == self._root(other)

    def sets(self) -> list[list[int]]:
        found: dict[int, list[int]] = {}
        for index in range(len(self._parent)):
            found.setdefault(self._root(index), []).append(index)
        return list(found.values())

    def _root(self, index: int) -> int:
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index
