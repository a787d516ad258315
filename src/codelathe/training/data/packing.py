"""Packing: several documents in one row of fixed length, so that no step computes on padding.

Documents are never cut here. Each is put, longest first, into the fullest row that still has
room for it (best fit decreasing; at most 11/9 of the fewest rows possible, Johnson 1973).
"""

from __future__ import annotations

from collections.abc import Sequence

from codelathe.core.errors import InputError


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
