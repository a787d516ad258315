"""Packing: several documents in one row of fixed length, so that no step computes on padding.

Documents are never cut here. Each is put, longest first, into the fullest row that still has
room for it (best fit decreasing; at most 11/9 of the fewest rows possible, Johnson 1973).
Positions begin at 0 with each document and `documents` numbers them, so that attention can
keep documents from seeing each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codelathe.core.errors import InputError
from codelathe.training.data.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Packed:
    """A row of tokens from one or more documents, at most the row's length; all fields alike long.

    `trained[i]`: the loss counts the prediction of token `i`; never that of a document's first.
    `positions[i]` counts from 0 within the document, `documents[i]` is its number in this row.
    """

    ids: tuple[int, ...]
    trained: tuple[bool, ...]
    positions: tuple[int, ...]
    documents: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)


def plan_rows(lengths: Sequence[int], length: int) -> list[tuple[int, ...]]:
    """Which documents, by index, share a row of `length` tokens.

    Each index stands in exactly one row; within a row they are in order, and rows are ordered
    by their first.

    Raises:
        InputError: a document is longer than a row.
    """
    longest = max(lengths, default=0)
    if longest > length:
        raise InputError(
            f"a document of {longest:,} tokens does not fit a row of {length:,}",
            hint="choose what is done with long rows: drop, cut or split",
            field="max_length",
        )
    rows: list[list[int]] = []
    waiting: list[list[int]] = [[] for _ in range(length + 1)]  # rows by the room they have left
    rooms = 0  # bit r: a row with r tokens of room waits
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        size = lengths[index]
        enough = rooms >> size
        if enough:
            room = size + (enough & -enough).bit_length() - 1
            row = waiting[room].pop()
            if not waiting[room]:
                rooms ^= 1 << room
        else:
            room, row = length, len(rows)
            rows.append([])
        rows[row].append(index)
        left = room - size
        waiting[left].append(row)
        rooms |= 1 << left
    return sorted(tuple(sorted(row)) for row in rows)


def pack(documents: Sequence[Tokens], length: int) -> Iterator[Packed]:
    """The documents in rows of at most `length` tokens.

    Raises:
        InputError: a document is longer than a row.
    """
    for row in plan_rows([len(document) for document in documents], length):
        yield join([documents[index] for index in row])


def join(documents: Sequence[Tokens]) -> Packed:
    """One row of these documents, in order."""
    ids: list[int] = []
    trained: list[bool] = []
    positions: list[int] = []
    numbers: list[int] = []
    for number, document in enumerate(documents):
        ids += document.ids
        trained += (False, *document.trained[1:]) if document.ids else ()
        positions += range(len(document))
        numbers += [number] * len(document)
    return Packed(tuple(ids), tuple(trained), tuple(positions), tuple(numbers))
