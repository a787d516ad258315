"""Texts as sets of shingles: runs of tokens, by which two texts are compared.

A token is a word, a number, or one other sign; white space and case of nothing else count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from zlib import crc32

#: Tokens in a shingle.
SHINGLE = 5
_TOKEN = re.compile(r"\w+|[^\w\s]")


def shingles(text: str, size: int = SHINGLE) -> frozenset[int]:
    """The hashes of all runs of `size` tokens; of a shorter text the one of all its tokens.

    The hash is Python's of a tuple of numbers: the same in every process, and of 64 bits, so
    that two runs practically never share one.
    """
    tokens = [crc32(token.encode()) for token in _TOKEN.findall(text)]
    if len(tokens) <= size:
        return frozenset([hash(tuple(tokens))])
    return frozenset(map(hash, _runs(tokens, size)))


def _runs(tokens: list[int], size: int) -> Iterator[tuple[int, ...]]:
    return zip(*(tokens[start:] for start in range(size)), strict=False)


def jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    """How much two sets share: the size of what is in both by that of what is in either."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if one or other else 1.0
