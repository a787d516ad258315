"""Sets that are nearly equal, found without comparing all with all.

A set of hashes becomes a sketch of 128 values of which two sets share each with the
probability of their Jaccard index (MinHash, Broder 1997; made here by Fast Similarity Sketching,
Dahlgaard, Knudsen and Thorup 2017, which reads a large set about once). Bands of four values are
the keys under which sets are looked up, and what is found is compared exactly: a pair below the
threshold is never told, and one of Jaccard index j is missed with the probability
(1 - j^4)^32: at 0.8 once in twenty million times, at 0.6 once in eighty.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from codelathe.core.errors import UsageError
from codelathe.training.data.shingles import jaccard

_BINS, _BAND = 128, 4
_BITS = 57  # of a value; the 7 above them choose the bin
_WORD = (1 << 64) - 1
_VALUE = (1 << _BITS) - 1
_EMPTY = 1 << 66
LEAST = 0.6
"""The lowest threshold: below, too many pairs would be missed."""


def _multipliers(seed: int) -> tuple[int, ...]:
    drawn = random.Random(seed)  # noqa: S311 (hash functions, not secrets)
    return tuple(drawn.getrandbits(64) | 1 for _ in range(_BINS))


_FREE, _FIXED = _multipliers(1), _multipliers(2)


@dataclass(frozen=True, slots=True)
class Sketched:
    """A set, not empty, and the keys that it is looked up by."""

    members: frozenset[int]
    bands: tuple[int, ...]


def sketched(members: frozenset[int]) -> Sketched:
    """The set with its keys."""
    bins = sketch(members)
    bands = (hash((at, *bins[at : at + _BAND])) for at in range(0, _BINS, _BAND))
    return Sketched(members, tuple(bands))


class NearIndex:
    """Sets that were added, each under the next number, and which of them a set is near to.

    Raises:
        UsageError: the threshold is not in 0.6..1.
    """

    def __init__(self, threshold: float) -> None:
        if not LEAST <= threshold <= 1.0:
            raise UsageError(
                f"the threshold of near duplicates must lie in {LEAST}..1, not {threshold}",
                field="threshold",
            )
        self._threshold = threshold
        self._members: list[array[int]] = []
        self._buckets: dict[int, int | list[int]] = {}  # most hold one set: no list for those

    def near(
        self, wanted: Sketched, passed: Callable[[int], bool] = lambda _: False
    ) -> Iterator[tuple[int, float]]:
        """The numbers of sets near to `wanted`, lowest first, each with the Jaccard index.

        Those that are `passed` are not compared.
        """
        candidates: set[int] = set()
        for band in wanted.bands:
            bucket = self._buckets.get(band, ())
            candidates.update((bucket,) if isinstance(bucket, int) else bucket)
        for number in sorted(candidates):
            other = self._members[number]
            if not passed(number) and self._possible(len(wanted.members), len(other)):
                likeness = jaccard(wanted.members, frozenset(other))
                if likeness >= self._threshold:
                    yield number, likeness

    def add(self, kept: Sketched) -> None:
        """Keep a set."""
        number = len(self._members)
        self._members.append(array("q", kept.members))
        for band in kept.bands:
            bucket = self._buckets.setdefault(band, number)
            if isinstance(bucket, list):
                bucket.append(number)
            elif bucket != number:
                self._buckets[band] = [bucket, number]

    def _possible(self, one: int, other: int) -> bool:
        """Whether sets of these sizes can be near at all."""
        return min(one, other) >= self._threshold * max(one, other)


def sketch(members: frozenset[int]) -> list[int]:
    """128 values of a set that is not empty, alike with the probability of the Jaccard index."""
    bins = [_EMPTY] * _BINS
    for turn, multiplier in enumerate(_FREE):
        base = turn << _BITS
        for member in members:
            mixed = member * multiplier & _WORD
            place = mixed >> _BITS
            value = base | (mixed & _VALUE)
            if value < bins[place]:
                bins[place] = value
        if _EMPTY not in bins:
            return bins
    for place, multiplier in enumerate(_FIXED):
        if bins[place] == _EMPTY:
            bins[place] = min(member * multiplier & _WORD for member in members)
    return bins
