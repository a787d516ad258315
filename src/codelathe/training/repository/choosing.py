"""Which functions and spans become rows: those of a size that trains, drawn by a seed."""

from __future__ import annotations

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from codelathe.training.repository.rows import Function, Row, Span

_DOC = range(15, 3000)
_CODE = range(30, 6000)
_CONTEXT = 1500
_WORDS = 3
_WORD = re.compile(r"[^\W\d_]{2,}")
#: Remarks to programs that stand where documentation would.
_ORDERS = re.compile(
    r"^(?:eslint|jshint|jslint|istanbul|nolint|noinspection|clang-format|prettier|todo|fixme)\b",
    re.IGNORECASE,
)

#: In this order spans are taken, over and over.
_TURNS = ("statement", "block", "expression", "body")
#: Bytes of a middle by its kind; of what stands before it and behind it, at most.
_MIDDLE = {
    "statement": range(10, 1200),
    "expression": range(8, 400),
    "block": range(20, 1200),
    "body": range(30, 1200),
}
_PREFIX = 2400
_SUFFIX = 1200
_MOST = 60
"""Spans of one file."""


def worth_learning(function: Function) -> bool:
    """Whether a function is of a size to learn from, and its documentation says something."""
    return (
        len(function.doc) in _DOC
        and len(function.code) in _CODE
        and len(function.context) <= _CONTEXT
        and len(_WORD.findall(function.doc)) >= _WORDS
        and not _ORDERS.match(function.doc)
    )


def choose_spans(spans: Iterable[Span], data: bytes, share: int, seed: int) -> list[Span]:
    """About `share` spans for each 100 lines, of all kinds, none twice; in their order.

    The draw depends on the seed and the file's content alone.
    """
    name = hashlib.blake2b(data, digest_size=16).hexdigest()
    draw = random.Random(f"{seed}:{name}")  # noqa: S311 (a choice, no secret)
    wanted = min(_MOST, max(1, round(data.count(b"\n") * share / 100))) if share else 0
    kinds: defaultdict[str, list[tuple[float, Span]]] = defaultdict(list)
    for span in spans:
        if span.end - span.start in _MIDDLE[span.kind]:
            kinds[span.kind].append((draw.random(), span))
    waiting = {kind: iter(sorted(kinds[kind], key=lambda pair: pair[0])) for kind in _TURNS}
    chosen: dict[tuple[int, int], Span] = {}
    while waiting and len(chosen) < wanted:
        for kind in list(waiting):
            found = next(waiting[kind], None)
            if found is None:
                del waiting[kind]
            elif len(chosen) < wanted:
                chosen.setdefault((found[1].start, found[1].end), found[1])
    return [chosen[place] for place in sorted(chosen)]


def fill_rows(spans: Iterable[Span], data: bytes) -> Iterator[Row]:
    """What stands before a span, behind it, and the span: cut at the ends of lines."""
    for span in spans:
        before = data[max(0, span.start - _PREFIX) : span.start]
        if span.start > _PREFIX:
            before = before[before.find(b"\n") + 1 :]
        behind = data[span.end : span.end + _SUFFIX]
        if span.end + _SUFFIX < len(data):
            behind = behind[: behind.rfind(b"\n") + 1]
        content = {
            "prefix": before.decode(errors="ignore"),
            "suffix": behind.decode(errors="ignore"),
            "middle": data[span.start : span.end].decode(),
        }
        yield Row("fill", content)
