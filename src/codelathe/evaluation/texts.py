"""Files of texts to be compared with reference texts, read whole and paired row by row.

A file is JSON Lines, an object a line, where its name says so or its first line is an object
with a field that is read; else plain text, one text a line. Either may be gzipped. The first
line decides which field is read, and every line must have that one.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.core.errors import ProblemError, UsageError

PREDICTION_FIELDS = ("prediction", "solution", "completion", "text")
"""Where a prediction may stand. Of several fields the first of these is read."""
REFERENCE_FIELDS = ("references", "reference", "canonical_solution", "solution", "text")
"""Where a reference may stand: a text, or a list of several."""


@dataclass(frozen=True, slots=True)
class _Side:
    """Predictions or references: which fields are read, and what a line looks like."""

    fields: tuple[str, ...]
    several: bool
    form: str


_PREDICTIONS = _Side(PREDICTION_FIELDS, False, '{"prediction": "..."}')
_REFERENCES = _Side(
    REFERENCE_FIELDS, True, '{"reference": "..."} or {"references": ["...", "..."]}'
)
_JSON_LINES = (".jsonl", ".ndjson", ".json")
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class TextRow:
    """The text of one line, or its several reference texts. `task_id` is empty where none is."""

    line: int
    texts: tuple[str, ...]
    task_id: str = ""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of texts. `field` is the one that was read, empty for plain text."""

    path: Path
    field: str
    sha256: str
    rows: tuple[TextRow, ...]


def read_pairs(predictions: Path, references: Path) -> tuple[TextFile, TextFile]:
    """The predictions and their references: as many rows, in the same order.

    Raises:
        ProblemError: a file cannot be read, holds nothing, or a line of it has no text.
        UsageError: they do not pair up. Both tell the line.
    """
    given = _Reader(predictions, _PREDICTIONS).read()
    wanted = _Reader(references, _REFERENCES).read()
    if len(given.rows) != len(wanted.rows):
        shorter, longer = sorted((given, wanted), key=lambda file: len(file.rows))
        alone = longer.rows[len(shorter.rows)].line
        raise UsageError(
            f"{given.path} has {_count(given)} and {wanted.path} has {_count(wanted)}: they do "
            f"not pair up from line {alone} of {longer.path} on",
            hint="give one row of references for each prediction, in the same order",
        )
    for ours, theirs in zip(given.rows, wanted.rows, strict=True):
        if ours.task_id and theirs.task_id and ours.task_id != theirs.task_id:
            raise UsageError(
                f"{given.path}, line {ours.line} is of the task {ours.task_id!r} and "
                f"{wanted.path}, line {theirs.line} of {theirs.task_id!r}: they do not pair up",
                hint="put the rows of both files in the same order",
            )
    return given, wanted


class _Reader:
    """Reads one file; every fault is told with the file and the line."""

    def __init__(self, path: Path, side: _Side) -> None:
        self._path = path
        self._side = side

    def read(self) -> TextFile:
        """The rows of the file, at least one."""
        data = self._data()
        lines = self._text(data).split("\n")
        if not lines[-1]:
            lines.pop()
        field, rows = "", [TextRow(n, (line.rstrip("\r"),)) for n, line in enumerate(lines, 1)]
        if self._is_json_lines(lines):
            objects = list(self._objects(lines))
            field = self._field(*objects[0]) if objects else ""
            rows = [self._row(number, row, field) for number, row in objects]
        if not rows:
            raise ProblemError(f"{self._path} holds no text", hint=self._form())
        return TextFile(self._path, field, hashlib.sha256(data).hexdigest(), tuple(rows))

    def _data(self) -> bytes:
        try:
            data = self._path.read_bytes()
            return gzip.decompress(data) if data.startswith(_GZIP) else data
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ProblemError(f"{self._path} cannot be unpacked: {error}") from None
        except OSError as error:
            raise ProblemError(f"cannot read {self._path}: {error.strerror}") from None

    def _text(self, data: bytes) -> str:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = error.object[: error.start]  # without the byte order mark, where one is
            line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n") - 1
            raise self._wrong(
                line,
                f"is not UTF-8: byte 0x{error.object[error.start]:02x} at {column}",
                "save it as UTF-8, for example: iconv -f EUC-KR -t UTF-8",
            ) from None

    def _is_json_lines(self, lines: list[str]) -> bool:
        if self._path.name.lower().removesuffix(".gz").endswith(_JSON_LINES):
            return True
        try:
            first = json.loads(next(filter(str.strip, lines), ""))
        except (ValueError, RecursionError):
            return False
        return isinstance(first, dict) and not first.keys().isdisjoint(self._side.fields)

    def _objects(self, lines: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise self._wrong(number, f"is not JSON: {error}") from None
            if not isinstance(row, dict):
                raise self._wrong(number, "is no object")
            yield number, row

    def _field(self, number: int, row: Mapping[str, Any]) -> str:
        field = next((name for name in self._side.fields if name in row), "")
        if not field:
            raise self._wrong(number, f"has none of the fields {', '.join(self._side.fields)}")
        return field

    def _row(self, number: int, row: Mapping[str, Any], field: str) -> TextRow:
        if field not in row:
            raise self._wrong(number, f"has no {field!r}, which the first line has")
        value = row[field]
        texts = tuple(value) if isinstance(value, list) and self._side.several else (value,)
        if not texts:
            raise self._wrong(number, f"has no text in {field!r}")
        for text in texts:
            if not isinstance(text, str):
                raise self._wrong(number, f"has a {field!r} that is no text")
            if not _encodes(text):
                raise self._wrong(number, f"has half a surrogate pair in {field!r}, no text")
        task_id = row.get("task_id")
        return TextRow(number, texts, "" if task_id is None else str(task_id))

    def _wrong(self, line: int, what: str, hint: str = "") -> ProblemError:
        return ProblemError(f"{self._path}, line {line} {what}", hint=hint or self._form())

    def _form(self) -> str:
        return f"a line of JSON Lines looks like {self._side.form}; one of plain text is a text"


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _count(file: TextFile) -> str:
    return f"{len(file.rows):,} row{'' if len(file.rows) == 1 else 's'}"
