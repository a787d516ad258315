"""A JSON document as records: an array of rows, or an object that holds rows.

An object is one row; or rows by their id; or a list of rows under one name; or columns. Each
row is decoded on its own, so that the line where it begins is known, and where the document
breaks off the rows before that are still read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from codelathe.core.errors import InputError
from codelathe.training.data.rows import REQUIRED, Fault, FaultKind

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
Record = tuple[int, Any] | Fault


def json_records(text: str, source: str) -> Iterator[Record]:
    """The rows of the document `text`.

    Raises:
        InputError: an object holds several lists of rows.
    """
    return _Document(text, source).records()


class _Document:
    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._counted, self._line = 0, 1

    def records(self) -> Iterator[Record]:
        try:
            at = self._skip(0)
            yield from self._elements(at) if self._text[at : at + 1] == "[" else self._object(at)
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", self._line)
            told = getattr(error, "msg", "") or str(error)
            yield Fault(FaultKind.DAMAGED, self._source, line, f"is not JSON from here on: {told}")

    def _elements(self, at: int, *, last: bool = True) -> Iterator[Record]:
        """The values of the array that begins at `at`, each with its line."""
        for start, _, value, _ in self._values(at, "]", last=last):
            yield self._line_of(start), value

    def _object(self, at: int) -> Iterator[Record]:
        members = {key: (start, value) for start, key, value, _ in self._values(at, "}")}
        values = {key: value for key, (_, value) in members.items()}
        if any(values.keys() >= set(names) for names in REQUIRED.values()) and not _columns(values):
            yield self._line_of(at), values
        elif columns := _columns(values):
            yield from enumerate(_rows_of(columns), 1)
        elif lists := {key: start for key, (start, value) in members.items() if _is_rows(value)}:
            yield from self._elements(self._only(lists), last=False)
        elif values and all(isinstance(value, dict) for value in values.values()):
            for key, (start, value) in members.items():
                yield self._line_of(start), {"id": key, **value}
        else:
            yield self._line_of(at), values

    def _only(self, lists: dict[str, int]) -> int:
        """Where the one list of rows begins; of training and test rows only a person can choose."""
        if len(lists) > 1:
            raise InputError(
                f"{self._source} holds {len(lists)} lists of rows: {', '.join(lists)}",
                hint="write each to a file of its own: what is tested must not be trained on",
                field="data",
            )
        return next(iter(lists.values()))

    def _values(
        self, at: int, closing: str, *, last: bool = True
    ) -> Iterator[tuple[int, str, Any, int]]:
        """Position, key (of an object), value and end of what is between the brackets."""
        at = self._skip(at + 1)
        while self._text[at : at + 1] != closing:
            key = ""
            if closing == "}":
                key, at = self._decode(at)
                at = self._skip(self._expect(":", self._skip(at)))
            value, end = self._decode(at)
            yield at, key, value, end
            at = self._skip(end)
            if self._text[at : at + 1] == ",":
                at = self._skip(at + 1)
            elif self._text[at : at + 1] != closing:
                raise json.JSONDecodeError(f"expected ',' or '{closing}'", self._text, at)
        at = self._skip(at + 1)
        if last and at < len(self._text):
            raise json.JSONDecodeError("there is more after its end", self._text, at)

    def _decode(self, at: int) -> tuple[Any, int]:
        return _DECODER.raw_decode(self._text, at)

    def _expect(self, sign: str, at: int) -> int:
        if self._text[at : at + 1] != sign:
            raise json.JSONDecodeError(f"expected '{sign}'", self._text, at)
        return at + 1

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        assert match is not None, "the pattern matches the empty text"
        return match.end()

    def _line_of(self, at: int) -> int:
        """The line of position `at`; counted on from the last one asked for, which lies before."""
        self._line += self._text.count("\n", self._counted, at)
        self._counted = at
        return self._line


def _columns(values: dict[str, Any]) -> dict[str, list[Any]]:
    """The columns that the object holds, empty where it holds something else.

    Lists of equal length under the names of a form; a chat is a list too, of objects.
    """
    lists = {key: value for key, value in values.items() if isinstance(value, list)}
    lengths = {len(value) for value in lists.values()}
    whole = bool(lists) and len(lists) == len(values) and len(lengths) == 1
    rows = any(isinstance(item, dict) for value in lists.values() for item in value[:1])
    return lists if whole and not rows else {}


def _rows_of(columns: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)
