"""Rows that hold text of a benchmark: a model trained on them has seen the test.

A row overlaps with a problem where they share a run of 13 words (as GPT-3's authors looked for
it: Brown et al. 2020, appendix C); case and all signs between words do not count. A problem
shorter than that is looked for whole, and one of fewer than 6 words not at all: it would be
found everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from codelathe.core.errors import InputError
from codelathe.training.data.rows import Row

WORDS = 13
_FEWEST = 6
_WORD = re.compile(r"\w+")
_TOLD = 5


@dataclass(frozen=True, slots=True)
class Overlap:
    """A row, the problem whose words it holds, and the first run of words that they share."""

    row: Row
    problem: str
    words: str


def find_overlaps(rows: Iterable[Row], problems: Iterable[tuple[str, str]]) -> list[Overlap]:
    """Every row and problem (by id and text; an id may have several texts) that share words."""
    runs: dict[tuple[str, ...], list[str]] = {}
    for problem, text in problems:
        for run in _runs_of_problem(text):
            owners = runs.setdefault(run, [])
            if problem not in owners:
                owners.append(problem)
    lengths = sorted({len(run) for run in runs})
    found = []
    for row in rows:
        words = _words(row.text)
        told: set[str] = set()
        for run in (run for length in lengths for run in _runs(words, length)):
            for problem in runs.get(run, ()):
                if problem not in told:
                    told.add(problem)
                    found.append(Overlap(row, problem, " ".join(run)))
    return found


def refuse_overlaps(overlaps: Sequence[Overlap]) -> None:
    """Refuse data that holds benchmark text.

    Raises:
        InputError: with the first rows and the problems they hold.
    """
    if not overlaps:
        return
    first = "; ".join(f"{o.row.source}, line {o.row.line}: {o.problem}" for o in overlaps[:_TOLD])
    more = f" (and {len(overlaps) - _TOLD:,} more)" if len(overlaps) > _TOLD else ""
    raise InputError(
        f"{len({id(o.row) for o in overlaps}):,} rows hold text of benchmark problems, whose "
        f"scores would mean nothing afterwards: {first}{more}",
        hint="leave these rows out, or allow the overlap where no benchmark is to be run",
        field="data",
    )


def _runs_of_problem(text: str) -> Iterator[tuple[str, ...]]:
    words = _words(text)
    if len(words) >= _FEWEST:
        yield from _runs(words, min(WORDS, len(words)))


def _runs(words: list[str], length: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(length)), strict=False)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
