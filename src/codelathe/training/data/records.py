"""Files to records: JSON, JSON Lines, CSV, Parquet, each plain or gzipped.

A record is a line number and what stands there, or the fault in its place; a fault in one
record does not hide those after it. JSON Lines, CSV and Parquet are streamed: what is in
memory is one line, or one batch. A JSON document is read whole. In Parquet files, which have
no lines, rows are numbered.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from codelathe.core.errors import InputError
from codelathe.training.data.json_documents import json_records
from codelathe.training.data.rows import Fault, FaultKind
from codelathe.training.data.tables import csv_records, parquet_records

LINE_BYTES = 16 << 20
"""The longest line of JSON Lines that is read."""

Record = tuple[int, Any] | Fault
_BOM, _GZIP, _PARQUET = b"\xef\xbb\xbf", b"\x1f\x8b", b"PAR1"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_PIECE = 1 << 16
#: A row as messages show one.
ROW_TOLD = '{"prompt": "...", "completion": "..."}'
_KINDS = {
    ".jsonl": "lines", ".ndjson": "lines", ".json": "json", ".csv": "csv", ".tsv": "tsv",
    ".parquet": "parquet",
}  # fmt: skip


def read_records(path: Path) -> Iterator[Record]:
    """The records of the file `path`.

    Raises:
        InputError: it cannot be read, is empty, or is in no known format.
        MissingDependency: a Parquet file, and pyarrow is not installed.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
        with cast("IO[bytes]", gzip.open(path) if packed else path.open("rb")) as file:
            yield from _records(file, path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield Fault(FaultKind.DAMAGED, str(path), 0, f"cannot be unpacked to its end: {error}")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None


def _records(file: IO[bytes], path: Path) -> Iterator[Record]:
    kind = _kind(path, file)
    file.seek(0)
    if kind == "parquet":
        return parquet_records(file, str(path))
    if kind == "lines":
        return _json_lines(file, str(path))
    if kind == "json":
        return _json(file, path)
    return csv_records(file, str(path), "\t" if kind == "tsv" else ",")


def _kind(path: Path, file: IO[bytes]) -> str:
    """By its name, else by how it begins."""
    first = file.readline(LINE_BYTES)
    if first.startswith(_UTF16):
        raise InputError(
            f"{path} is UTF-16, not UTF-8",
            hint=f"iconv -f UTF-16 -t UTF-8 {path} > utf8-{path.name}",
        )
    if first.startswith(_PARQUET):
        return "parquet"
    first = first.removeprefix(_BOM).strip()
    while not first:
        line = file.readline(LINE_BYTES)
        if not line:
            raise InputError(f"{path} is empty", hint=f"a row looks like {ROW_TOLD}")
        first = line.strip()
    name = path.name.lower().removesuffix(".gz")
    kind = next((kind for suffix, kind in _KINDS.items() if name.endswith(suffix)), "")
    if kind == "json" or (not kind and first[:1] in (b"{", b"[")):
        return "lines" if _is_row(first) and file.read(_PIECE).strip() else "json"
    if not kind:
        raise InputError(
            f"{path} is neither JSON, JSON Lines, CSV nor Parquet, by its name or its beginning",
            hint=f"name it as what it is: {', '.join(_KINDS)}, each also with .gz",
        )
    return kind


def _is_row(line: bytes) -> bool:
    """Whether a line is a whole JSON object: then lines are meant, whatever the file is called."""
    try:
        return line.startswith(b"{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _json(file: IO[bytes], path: Path) -> Iterator[Record]:
    data = file.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return iter((Fault(FaultKind.ENCODING, str(path), line, _not_utf8(error)),))
    return json_records(text, str(path))


def _json_lines(file: IO[bytes], source: str) -> Iterator[Record]:
    number = 0
    while line := file.readline(LINE_BYTES + 1):
        number += 1
        if len(line) > LINE_BYTES:
            size = len(line) + _skip_line(file, line)
            told = f"has {size:,} bytes; {LINE_BYTES:,} is the most"
            yield Fault(FaultKind.TOO_LARGE, source, number, told)
            continue
        if number == 1:
            line = line.removeprefix(_BOM)
        if line.strip():
            yield _json_line(line, source, number)


def _skip_line(file: IO[bytes], line: bytes) -> int:
    """Go to the line's end without keeping it; the bytes passed over."""
    passed = 0
    while line and not line.endswith(b"\n"):
        line = file.readline(1 << 20)
        passed += len(line)
    return passed


def _json_line(line: bytes, source: str, number: int) -> Record:
    try:
        return number, json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Fault(FaultKind.ENCODING, source, number, _not_utf8(error))
    except (ValueError, RecursionError) as error:
        return Fault(FaultKind.DAMAGED, source, number, f"is not JSON: {error}")


def _not_utf8(error: UnicodeDecodeError) -> str:
    column = error.start - error.object.rfind(b"\n", 0, error.start)
    return f"is not UTF-8: byte 0x{error.object[error.start]:02x} at column {column}"
