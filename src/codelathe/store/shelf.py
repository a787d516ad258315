"""What is in place: folders named by SHA-256, each with its files and a record of them.

A folder appears whole, by one rename, or not at all. Opening checks size and time of
every file against the record, not its bytes: a gigabyte is hashed when it is fetched,
when its time has changed, and when somebody asks.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.core.errors import IntegrityError
from codelathe.store.artefact import content_id
from codelathe.store.catalogue import Format
from codelathe.store.part import disk_errors, file_sha256

RECORD = "codelathe.json"
#: The time of a file whose bytes are wrong: it will be hashed again, and again found so.
_NEVER = -1


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file as it was when it was checked last; `source` brought it."""

    name: str
    bytes: int
    sha256: str
    mtime_ns: int
    source: str


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a folder. `names` are the references it was asked for by.

    `repository` and `revision` (a commit) say where on the hub it is from, if it is.
    """

    names: tuple[str, ...]
    format: Format
    licence: str
    files: tuple[KeptFile, ...] = ()
    repository: str = ""
    revision: str = ""
    fetched: str = ""

    @property
    def id(self) -> str:
        """SHA-256 of the file; of the list of hashes and names where there are several."""
        return content_id((file.sha256, file.name) for file in self.files)

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(file.bytes for file in self.files)


class Shelf:
    """The folders below `root`. Names that start with a dot are not models."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, record: Record) -> Path:
        """Where the files of `record` are."""
        return self.root / record.id

    def path(self, record: Record) -> Path:
        """What an engine opens: the (first) GGUF or data file, or a checkpoint's folder."""
        folder = self.folder(record)
        checkpoint = record.format in ("safetensors", "pytorch")
        return folder if checkpoint else folder / record.files[0].name

    def records(self) -> Iterator[Record]:
        """All that is in place; folders without a readable record are not."""
        try:
            folders = sorted(p for p in self.root.iterdir() if not p.name.startswith("."))
        except OSError:
            return
        for folder in folders:
            record = self.get(folder.name)
            if record is not None:
                yield record

    def get(self, identity: str) -> Record | None:
        """The record of the folder `identity`."""
        record = read_record(self.root / identity)
        return record if record is not None and record.id == identity else None

    def check(self, record: Record) -> None:
        """Notice a file that is missing, cut short or was written to.

        Raises:
            IntegrityError: naming the file.
        """
        touched = False
        for kept in record.files:
            path = self.folder(record) / kept.name
            try:
                stat = path.stat()
            except OSError as error:
                raise self._damaged(record, path, f"cannot be read: {error.strerror}") from None
            if stat.st_size != kept.bytes:
                raise self._damaged(
                    record, path, f"has {stat.st_size:,} bytes, not the {kept.bytes:,} it had"
                )
            touched = touched or stat.st_mtime_ns != kept.mtime_ns
        if touched:
            self.verify(record)

    def verify(self, record: Record) -> None:
        """Hash every file again.

        Raises:
            IntegrityError: naming the file whose bytes have changed.
        """
        for kept in record.files:
            path = self.folder(record) / kept.name
            try:
                digest = file_sha256(path)
            except OSError as error:
                raise self._damaged(record, path, f"cannot be read: {error.strerror}") from None
            if digest != kept.sha256:
                self._remember(record, lambda _: _NEVER)
                raise self._damaged(record, path, f"has been altered: its SHA-256 is {digest}")
        self._remember(record, lambda path: path.stat().st_mtime_ns)

    def install(self, ready: Path, record: Record) -> Record:
        """Rename the folder `ready` to its place. What is there and whole gains the names."""
        folder = self.folder(record)
        present = self.get(record.id)
        if present is not None and not self._is_whole(present):
            present = None
        with disk_errors(folder):
            if present is not None:
                record = dataclasses.replace(
                    present, names=tuple(dict.fromkeys(present.names + record.names))
                )
                write_record(folder, record)
                shutil.rmtree(ready)
                return record
            write_record(ready, record)
            delete(folder)
            self.root.mkdir(parents=True, exist_ok=True)
            ready.rename(folder)
            _sync_folder(self.root)
        return record

    def remove(self, record: Record) -> int:
        """Delete; the number of bytes that were freed."""
        return delete(self.folder(record))

    def _is_whole(self, record: Record) -> bool:
        try:
            self.check(record)
        except IntegrityError:
            return False
        return True

    def _remember(self, record: Record, time_of: Callable[[Path], int]) -> None:
        """Note when the files were right; a store that is only readable has to do without."""
        folder = self.folder(record)
        with suppress(OSError):
            files = (
                dataclasses.replace(kept, mtime_ns=time_of(folder / kept.name))
                for kept in record.files
            )
            write_record(folder, dataclasses.replace(record, files=tuple(files)))

    def _damaged(self, record: Record, path: Path, what: str) -> IntegrityError:
        return IntegrityError(
            f"{path} {what}", hint=f"fetch it again: lathe models pull {record.names[0]}"
        )


def delete(folder: Path) -> int:
    """Delete a folder, if it is there; the number of bytes that were freed.

    Of a link somebody put in its place, the link is deleted and what it leads to is left.
    """
    freed = size_of(folder)
    with disk_errors(folder), suppress(FileNotFoundError):
        if folder.is_symlink():
            folder.unlink()
            return 0
        shutil.rmtree(folder)
    return freed


def size_of(folder: Path) -> int:
    """The bytes of all files below `folder`; 0 where there is none."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def kept_file(folder: Path, name: str, sha256: str, source: str) -> KeptFile:
    """The KeptFile for a file that was just checked."""
    stat = (folder / name).stat()
    return KeptFile(name, stat.st_size, sha256, stat.st_mtime_ns, source)


def read_record(folder: Path) -> Record | None:
    """The record in `folder`, None where there is none that can be read."""
    try:
        document = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        files = tuple(KeptFile(**file) for file in document.pop("files"))
        record = Record(names=tuple(document.pop("names")), files=files, **document)
        return record if _is_sound(record) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write_record(folder: Path, record: Record) -> None:
    """Put the record into `folder`, whole or not at all."""
    document: dict[str, Any] = dataclasses.asdict(record)
    temporary = folder / f".{RECORD}.{os.getpid()}"
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / RECORD)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _is_sound(record: Record) -> bool:
    """Whether a record that was read has what the rest of the store relies on."""
    texts = (*record.names, *(text for kept in record.files for text in (kept.name, kept.sha256)))
    numbers = (number for kept in record.files for number in (kept.bytes, kept.mtime_ns))
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(number, int) for number in numbers)
        and bool(record.names and record.files)
    )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
