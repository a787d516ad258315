"""Which rows of the board are shown, in which groups and order, and with which ranks.

A row's rank is the places that it may hold: from 1 and the number of rows of its group that are
surely better, whose interval lies above its own, to that of those that are not surely worse.
Rows whose intervals overlap are tied: they share a place.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from codelathe.core.errors import UnknownName, UsageError
from codelathe.evaluation.board.facts import bits, parse_size, tidy_precision
from codelathe.evaluation.board.row import TYPES, UNKNOWN, BoardRow, Mark

#: What a column is sorted by; the scores are columns too, by their own names.
COLUMNS: dict[str, Callable[[BoardRow], Any]] = {
    "rank": lambda row: None,  # noqa: ARG005 (known only within a group)
    "model": lambda row: row.model.lower(),
    "type": lambda row: row.facts.type,
    "precision": lambda row: row.facts.precision,
    "size": lambda row: row.facts.parameters,
    "bytes": lambda row: row.facts.bytes,
    "speed": lambda row: row.speed,
    "problems": lambda row: row.problems,
    "samples": lambda row: row.samples,
    "date": lambda row: row.date or None,
    "origin": lambda row: row.origin,
    "source": lambda row: row.source,
    "signature": lambda row: row.signature,
}
SCORES = "scores"
DEFAULT_COLUMNS = ("rank", "model", "type", "precision", "size", SCORES, "speed", "origin")
_FALLING = ("speed", "problems", "samples", "date")
_MAIN = ("pass@1", "pass_rate")


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be seen. Empty or None: everything. `sort` is turned round by a `-` before it."""

    types: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    max_size: int | None = None
    benchmarks: tuple[str, ...] = ()
    columns: tuple[str, ...] = DEFAULT_COLUMNS
    sort: str = "rank"


@dataclass(frozen=True, slots=True)
class Ranked:
    """A row with the first and the last place that it may hold. None: it lacks the score."""

    row: BoardRow
    rank: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that may be held against each other. `metric` is what they are ranked by."""

    benchmark: str
    protocol: str
    metric: str
    scores: tuple[str, ...]
    rows: tuple[Ranked, ...]


def metrics_of(rows: Iterable[BoardRow]) -> tuple[str, ...]:
    """The scores that any of `rows` has: pass@1 before pass@10, a test's own after all."""
    names = {name for row in rows for name in row.scores}
    return tuple(sorted(names, key=_score_order))


def _score_order(name: str) -> tuple[bool, bool, str, int, str]:
    stem, _, k = name.partition("@")
    return name not in _MAIN, "_" in stem, stem, int(k) if k.isdecimal() else 0, name


def check(choice: Choice, rows: Sequence[BoardRow], benchmarks: Iterable[str]) -> None:
    """Refuse what there is not: a column, a benchmark, a type.

    `benchmarks` are those that could be evaluated, whether there is a row of them or not.

    Raises:
        UnknownName: the hint has the nearest names.
    """
    columns = [*COLUMNS, SCORES, *metrics_of(rows)]
    for column in (*choice.columns, choice.sort.removeprefix("-")):
        if column not in columns:
            raise UnknownName("column", column, columns, field="columns")
    known = {*benchmarks, *(row.benchmark for row in rows)}
    for name in choice.benchmarks:
        if name not in known:
            raise UnknownName("benchmark", name, known, field="benchmark")
    for name in choice.types:
        if name not in TYPES:
            raise UnknownName("type", name, TYPES, field="type")


def parse_max_size(text: str) -> int:
    """The parameters that `3B` stands for.

    Raises:
        UsageError: it is no size.
    """
    size = parse_size(text)
    if size is None:
        raise UsageError(
            f"{text!r} is no size of a model", hint="--max-size 3B, or 350M", field="max_size"
        )
    return size


def chosen(rows: Iterable[BoardRow], choice: Choice) -> list[BoardRow]:
    """The rows that pass the filters. A model of unknown size is in no choice of sizes."""
    return [
        row
        for row in rows
        if (not choice.benchmarks or row.benchmark in choice.benchmarks)
        and (not choice.types or row.facts.type in choice.types)
        and (not choice.precisions or _is_of(row.facts.precision, choice.precisions))
        and (choice.max_size is None or 0 < (row.facts.parameters or 0) <= choice.max_size)
    ]


def _is_of(precision: str, wanted: Iterable[str]) -> bool:
    """Whether `precision` is one of those: by name, or `4-bit` for all of 4 bits."""
    for name in wanted:
        tidy = tidy_precision(name)
        if precision == tidy or precision.lower() == name.lower():
            return True
        if tidy.endswith("-bit") and precision != UNKNOWN and bits(precision) == bits(tidy):
            return True
    return False


def grouped(rows: Iterable[BoardRow], sort: str = "rank") -> tuple[Group, ...]:
    """`rows` by benchmark, protocol and data; groups by name, rows as `sort` says."""
    found: dict[tuple[str, str, str], list[BoardRow]] = defaultdict(list)
    for row in rows:
        found[row.benchmark, row.protocol, row.data].append(row)
    named: dict[tuple[str, str], int] = defaultdict(int)
    for benchmark, protocol, _ in found:
        named[benchmark, protocol] += 1
    return tuple(
        _group(benchmark, protocol if named[benchmark, protocol] == 1 else
               f"{protocol}, data {data[:8] or UNKNOWN}", members, sort)
        for (benchmark, protocol, data), members in sorted(found.items())
    )  # fmt: skip


def _group(benchmark: str, protocol: str, rows: Sequence[BoardRow], sort: str) -> Group:
    scores = metrics_of(rows)
    name = sort.removeprefix("-")
    metric = name if name in scores else scores[0] if scores else ""
    ordered = _by_rank(rank(rows, metric), metric)
    return Group(benchmark, protocol, metric, scores, tuple(_sorted(ordered, sort)))


def rank(rows: Sequence[BoardRow], metric: str) -> list[Ranked]:
    """`rows` with their ranks by `metric`, in the order they came."""
    edges = [_edges(row.scores.get(metric)) for row in rows]
    there = [edge for edge in edges if edge is not None]
    found = []
    for row, edge in zip(rows, edges, strict=True):
        if edge is None:
            found.append(Ranked(row, None))
            continue
        better = sum(low > edge[1] for low, _ in there)
        worse = sum(high < edge[0] for _, high in there)
        found.append(Ranked(row, (better + 1, len(there) - worse)))
    return found


def _edges(mark: Mark | None) -> tuple[float, float] | None:
    """The interval; of a score without one the score itself, twice."""
    return None if mark is None else mark.interval or (mark.value, mark.value)


def _by_rank(rows: Iterable[Ranked], metric: str) -> list[Ranked]:
    """By rank, and among the tied by the score; then by name, so that the order is always one."""

    def key(ranked: Ranked) -> tuple[float, float, float, str, str]:
        row, mark = ranked.row, ranked.row.scores.get(metric)
        best = math.inf if mark is None else -mark.value
        return *(ranked.rank or (math.inf, math.inf)), best, row.model.lower(), row.source

    return sorted(rows, key=key)


def _sorted(rows: Sequence[Ranked], sort: str) -> list[Ranked]:
    """Rows that stand by rank, by another column; what lacks it comes last, whichever way."""
    name, turned = sort.removeprefix("-"), sort.startswith("-")
    if name in ("rank", SCORES):
        return list(reversed(rows)) if turned else list(rows)
    metric = name not in COLUMNS

    def value(ranked: Ranked) -> Any:
        if not metric:
            return COLUMNS[name](ranked.row)
        mark = ranked.row.scores.get(name)
        return None if mark is None else mark.value

    there = [r for r in rows if value(r) is not None]
    falling = (metric or name in _FALLING) != turned
    return sorted(there, key=value, reverse=falling) + [r for r in rows if value(r) is None]
