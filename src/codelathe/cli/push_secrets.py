"""Keys and passwords in what would be sent to the hub: where they are, never what they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from codelathe.core.errors import InputError

if TYPE_CHECKING:
    from codelathe.hub.parcel import Parcel, ParcelFile
    from codelathe.training.repository.options import SecretPlace

_SHOWN = 20
#: A piece of a text file that secrets are looked for in at a time.
_PIECE = 1 << 22
_ESCAPED = (".json", ".jsonl", ".csv", ".tsv", ".parquet")
#: What strings in JSON and CSV have in the place of white space and quotes. Undone without new
#: lines: line numbers stay, and a key does not begin with an `n`.
_ESCAPES = re.compile(r"\\[nrt]")
_QUOTES = re.compile(r"\\\"|\"\"")


def refuse_secrets(parcel: Parcel) -> None:
    """Refuse a parcel with keys or passwords in its texts.

    Raises:
        InputError: names the places, never the secrets.
    """
    places = list(dict.fromkeys(place for file in parcel.files for place in _places(file)))
    if not places:
        return
    shown = ", ".join(f"{place.file}:{place.line} ({place.kind})" for place in places[:_SHOWN])
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    raise InputError(
        f"there are keys or passwords in what would be sent: {shown}{more}",
        hint="take them out, and change them where they were used; rows: lathe data build masks "
        "them with --secrets mask",
    )


def _places(file: ParcelFile) -> Iterator[SecretPlace]:
    from codelathe.training.repository.secrets import Redaction

    for line, text in _pieces(file):
        found = Redaction(emails=False)
        found(text, file.name)
        if file.name.lower().endswith(_ESCAPED):
            found(_QUOTES.sub('"', _ESCAPES.sub("  ", text)), file.name)
        yield from (replace(place, line=place.line + line) for place in found.places)


def _pieces(file: ParcelFile) -> Iterator[tuple[int, str]]:
    """Pieces of a file's text, and how many lines stand before each."""
    if file.name.lower().endswith(".parquet"):
        yield from _rows(file)
    elif file.text and file.path is None:
        yield 0, file.content.decode("utf-8", "replace")
    elif file.text and file.path is not None:
        before = 0
        with file.path.open(encoding="utf-8", errors="replace", newline="\n") as opened:
            while lines := opened.readlines(_PIECE):
                yield before, "".join(lines)
                before += len(lines)


def _rows(file: ParcelFile) -> Iterator[tuple[int, str]]:
    """Each row of a Parquet file as JSON: its number is its line.

    Raises:
        InputError: it is no Parquet file.
        MissingDependency: pyarrow is not installed.
    """
    from codelathe.training.data.rows import Fault
    from codelathe.training.data.tables import parquet_records

    assert file.path is not None, "rows are in files"
    with file.path.open("rb") as opened:
        for record in parquet_records(opened, file.name):
            if isinstance(record, Fault):
                raise InputError(f"{record.source} {record.message}")
            number, row = record
            yield number - 1, json.dumps(row, default=str, ensure_ascii=False)
