"""A benchmark's data: where it is looked for, that it is the right file, and its rows.

In this order: the file that the user names, the folder that `CODELATHE_DATA` names, the
store. What the catalogue pins is checked wherever it lies; only a file that the user names
may be another, and then the benchmark's details say so.
"""

from __future__ import annotations

import fnmatch
import gzip
import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.benchmarks.base import Opening
from codelathe.core.errors import (
    ArtefactUnavailable,
    InputError,
    IntegrityError,
    ProblemError,
)
from codelathe.store import Store

VARIABLE = "CODELATHE_DATA"
_GZIP = b"\x1f\x8b"
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The data of a benchmark: its name in the catalogue, the files it may be in.

    `files` are patterns of file names. `dataset` is empty where the catalogue has no entry,
    because no source of the store has it. `advice` says how to get it by hand.
    """

    files: tuple[str, ...]
    dataset: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a data file, each with the line it stands on, and what the file is.

    `details` is what a signature has to say of the file beside its hash: nothing, where it
    is the one that the catalogue pins.
    """

    path: Path
    sha256: str
    rows: tuple[tuple[int, Mapping[str, Any]], ...]
    details: Mapping[str, str]

    def wrong(self, line: int, what: str, hint: str = "") -> ProblemError:
        """The error of a row that cannot be used."""
        return _wrong(self.path, line, what, hint)

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        return iter(self.rows)


def find_rows(wanted: Wanted, fields: Mapping[str, type], opening: Opening) -> Rows:
    """The rows of `wanted`; each has `fields`, of these types, and a `task_id` of its own.

    Raises:
        InputError: a file that cannot be read, or a row that is not as it should be.
        IntegrityError: a file that should be the pinned one is not.
        ArtefactUnavailable: the data is nowhere; the message has each place.
    """
    path = opening.data or _in_folder(wanted) or _in_store(wanted, opening)
    content = _read(path)
    sha256 = hashlib.sha256(content).hexdigest()
    pinned = _pinned(wanted, path, opening.store)
    if pinned and sha256 != pinned and opening.data is None:
        raise IntegrityError(
            f"{path} is not the published file: its SHA-256 is {sha256}, not {pinned}",
            hint=f"remove it, or name it to use it all the same: --data {path}",
        )
    details = {}
    if sha256 != pinned:
        details["data"] = "not the published file" if pinned else "of a version that is not pinned"
    rows = tuple(_rows(path, content, fields))
    return Rows(path, sha256, rows, details)


def read_rows(path: Path, fields: Mapping[str, type]) -> Rows:
    """The rows of a file of the user's own; each has `fields`, of these types.

    Raises:
        InputError: it cannot be read, or a row is not as it should be.
    """
    content = _read(path)
    rows = tuple(_objects(path, content, fields))
    return Rows(path, hashlib.sha256(content).hexdigest(), rows, {})


def _in_folder(wanted: Wanted) -> Path | None:
    """The newest fitting file of the folder that the environment names."""
    named = os.environ.get(VARIABLE, "")
    if not named:
        return None
    folder = Path(named)
    if not folder.is_dir():
        raise InputError(
            f"{VARIABLE} is {named}, which is no folder", hint=f"unset {VARIABLE}, or make it"
        )
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError as error:
        raise InputError(
            f"cannot read the folder {named} ({VARIABLE}): {error.strerror}",
            hint=f"unset {VARIABLE}, or name another",
        ) from None
    for pattern in wanted.files:
        fitting = fnmatch.filter(names, pattern)
        if fitting:
            return folder / max(fitting, key=_version)
    return None


def _version(name: str) -> list[Any]:
    """By the numbers in a name, so that v0.1.10 comes after v0.1.9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _NUMBER.split(name)]


def _in_store(wanted: Wanted, opening: Opening) -> Path:
    looked = f"{VARIABLE} is not set"
    if folder := os.environ.get(VARIABLE, ""):
        looked = f"the folder {folder} ({VARIABLE}) does not hold it"
    if not wanted.dataset:
        raise ArtefactUnavailable(
            f"there is no {wanted.files[0]}: {looked}, and no source of the store has it",
            hint=f"{wanted.advice}, then --data FILE, or put it into the folder {VARIABLE} names",
        )
    try:
        return opening.store.dataset(wanted.dataset, opening.progress)
    except ArtefactUnavailable as error:
        raise ArtefactUnavailable(
            f"there is no {wanted.files[0]}: {looked}, and {error.message}",
            hint=f"{wanted.advice}, then --data FILE, or put it into the folder {VARIABLE} names",
        ) from None


def _pinned(wanted: Wanted, path: Path, store: Store) -> str:
    """The SHA-256 that the catalogue has for a file of this name, else nothing.

    A file of the user's own, under any name, is held against it too, unless its name is that
    of another version.
    """
    entry = store.catalogue.datasets.get(wanted.dataset)
    if entry is None:
        return ""
    (artefact,) = entry.artefacts
    other_version = path.name != artefact.file and any(
        fnmatch.fnmatch(path.name, pattern) for pattern in wanted.files
    )
    return "" if other_version else artefact.sha256


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"there is no file {path}", field="data") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", field="data") from None


def _rows(
    path: Path, content: bytes, fields: Mapping[str, type]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    ids = set()
    for number, row in _objects(path, content, fields):
        if row["task_id"] in ids:
            raise _wrong(path, number, f"a second task {row['task_id']!r}")
        ids.add(row["task_id"])
        yield number, row


def _objects(
    path: Path, content: bytes, fields: Mapping[str, type]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    empty = True
    for number, line in enumerate(_text(path, content).split("\n"), 1):
        if line.strip():
            empty = False
            yield number, _row(path, number, line, fields)
    if empty:
        raise ProblemError(f"{path} holds no problem", field="data")


def _text(path: Path, content: bytes) -> str:
    try:
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise ProblemError(f"{path} cannot be unpacked: {error}", field="data") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        what = f"not UTF-8: byte 0x{error.object[error.start]:02x}"
        hint = "save it as UTF-8, for example: iconv -f EUC-KR -t UTF-8"
        raise _wrong(path, line, what, hint) from None


def _row(path: Path, number: int, line: str, fields: Mapping[str, type]) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise _wrong(path, number, f"not JSON: {reason}") from None
    if not isinstance(row, dict):
        raise _wrong(path, number, "not an object")
    for name, kind in fields.items():
        if name not in row:
            raise _wrong(path, number, f"lacks {name!r}")
        if type(row[name]) is not kind:
            raise _wrong(path, number, f"{name!r} is not {_WORDS[kind]}")
    return row


def _wrong(path: Path, number: int, what: str, hint: str = "") -> ProblemError:
    return ProblemError(f"{path}, line {number}: {what}", hint=hint, field="data")


_WORDS: dict[type, str] = {str: "text", int: "a whole number", list: "a list"}


def texts(*names: str) -> dict[str, type]:
    """Fields that are all text."""
    return dict.fromkeys(names, str)
