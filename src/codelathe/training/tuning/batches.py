"""Documents to the rows of a run, and rows to what a model is given in one go.

A row is one document, or several that are packed. Rows of a batch are laid end to end, so that
nothing is computed on padding; `lengths` tells attention where each document ends. Only for an
architecture that cannot keep documents apart are rows single documents, padded to one length.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from codelathe.training.data.packing import plan_rows
from codelathe.training.data.tokens import Tokens

#: A position that the loss does not count.
IGNORED = -100


@dataclass(frozen=True, slots=True)
class Line:
    """A row: token ids, labels (`IGNORED` where the loss does not count), document lengths."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    lengths: tuple[int, ...]

    @property
    def supervised(self) -> int:
        """How many predictions the loss counts."""
        return sum(label != IGNORED for label in self.labels)


def lay_out(documents: Sequence[Tokens], length: int, *, packing: bool) -> list[Line]:
    """The rows: with `packing` as full of documents as `length` allows, else one document each.

    Raises:
        InputError: a document is longer than a row.
    """
    sizes = [len(document) for document in documents]
    plan = plan_rows(sizes, min(length, max(sum(sizes), 1)))  # a plan takes memory by its length
    if not packing:
        plan = [(index,) for index in range(len(documents))]
    return [_line([documents[index] for index in row]) for row in plan]


def _line(documents: Sequence[Tokens]) -> Line:
    ids: list[int] = []
    labels: list[int] = []
    for document in documents:
        ids += document.ids
        labels += [
            token if counted and place else IGNORED
            for place, (token, counted) in enumerate(
                zip(document.ids, document.trained, strict=True)
            )
        ]
    return Line(tuple(ids), tuple(labels), tuple(len(document) for document in documents))


def columns(lines: Iterable[Line]) -> dict[str, list[Any]]:
    """The rows as columns of a data set."""
    kept = list(lines)
    return {
        "input_ids": [line.ids for line in kept],
        "labels": [line.labels for line in kept],
        "seq_lengths": [line.lengths for line in kept],
    }


def in_batches(lines: Sequence[Line], tokens: int) -> Iterator[list[Line]]:
    """Rows in their order, as many at a time as have at most `tokens`, at least one."""
    batch: list[Line] = []
    total = 0
    for line in lines:
        if batch and total + len(line.ids) > tokens:
            yield batch
            batch, total = [], 0
        batch.append(line)
        total += len(line.ids)
    if batch:
        yield batch


def documents_sha256(*parts: Sequence[Tokens]) -> str:
    """The SHA-256 of documents, their masks and their order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        for document in part:
            digest.update(len(document).to_bytes(8))
            digest.update(array("q", document.ids).tobytes())
            digest.update(bytes(document.trained))
    return digest.hexdigest()
