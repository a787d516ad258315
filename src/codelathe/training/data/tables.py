"""CSV and Parquet files as records: a row of the table is an object by its columns' names.

Empty cells of CSV are left out, as null is in Parquet.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from typing import IO, Any

from codelathe.core.errors import MissingDependency
from codelathe.training.data.rows import Fault, FaultKind

Record = tuple[int, Any] | Fault
#: The longest cell that is read, in characters.
_CELL = 16 << 20
_BATCH = 1024
#: Where `surrogateescape` puts byte 0.
_UNDECODED = 0xDC00


def csv_records(file: IO[bytes], source: str, delimiter: str) -> Iterator[Record]:
    """The rows below the header, each with the line where it ends."""
    csv.field_size_limit(_CELL)
    reader = csv.reader(_decoded(file), delimiter=delimiter, strict=True)
    header: list[str] = []
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Fault(FaultKind.DAMAGED, source, reader.line_num, f"is not CSV: {error}")
            if "field larger" in str(error):
                continue
            return
        if cells is None:
            return
        if not header:
            header = cells
        elif cells:
            yield _csv_record(header, cells, source, reader.line_num)


def _csv_record(header: list[str], cells: list[str], source: str, line: int) -> Record:
    if len(cells) != len(header):
        told = f"has {len(cells)} cells where the header has {len(header)}"
        return Fault(FaultKind.DAMAGED, source, line, told)
    try:
        "".join(cells).encode()
    except UnicodeEncodeError as error:
        byte = ord(error.object[error.start]) - _UNDECODED
        return Fault(FaultKind.ENCODING, source, line, f"is not UTF-8: byte 0x{byte:02x}")
    return line, {name: cell for name, cell in zip(header, cells, strict=True) if cell}


def _decoded(file: IO[bytes]) -> Iterator[str]:
    """Lines of text; bytes that are no UTF-8 stay visible as half surrogates."""
    for number, line in enumerate(file):
        encoding = "utf-8-sig" if number == 0 else "utf-8"
        yield line.decode(encoding, "surrogateescape")


def parquet_records(file: IO[bytes], source: str) -> Iterator[Record]:
    """The rows, numbered from 1, read batch by batch."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingDependency(
            "pyarrow", "train", f"{source} is a Parquet file, and that"
        ) from None
    number = 0
    try:
        for batch in pyarrow.parquet.ParquetFile(file).iter_batches(_BATCH):
            for row in batch.to_pylist():
                number += 1
                yield number, {name: _plain(value) for name, value in row.items()}
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        yield Fault(FaultKind.DAMAGED, source, number + 1, f"is not Parquet: {error}")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
