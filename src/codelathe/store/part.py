"""A file that is still being fetched, and its SHA-256 so far.

Writes are unbuffered: what `size` counts has reached the operating system, so a killed
process leaves a file that can be gone on with. A full disk surfaces here, once, as
DiskFull; bytes beyond the expected size end a download before they fill it.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

from codelathe.core import disk
from codelathe.core.errors import DiskFull, IntegrityError, StoreError

CHUNK = 1 << 20
_FULL = (
    "free some space, or set CODELATHE_HOME to a larger disk, and run the same command again; "
    "what was fetched is kept"
)


def disk_errors(path: Path) -> AbstractContextManager[None]:
    """Turn an OSError about writing `path` into DiskFull or StoreError."""
    return disk.disk_errors(
        path,
        _FULL,
        lambda told: StoreError(
            f"cannot write {path}: {told}",
            hint="make the folder writable, or set CODELATHE_HOME to another",
        ),
    )


def disk_full(path: Path) -> DiskFull:
    """The error for a disk that filled up while `path` was written."""
    return DiskFull(f"the disk is full: no room left to write {path}", hint=_FULL)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Part:
    """Grows at its end. Opened on a file that exists, it goes on from there.

    `limit` is the size the file must have in the end, None where that is not known.
    """

    def __init__(self, path: Path, limit: int | None = None) -> None:
        self.path = path
        self.limit = limit
        self._hash = hashlib.sha256()
        self._size = 0
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = "r+b" if path.exists() else "w+b"
            self._file = path.open(mode, buffering=0)
        self.resumed = self._absorb(limit)
        if limit is not None and os.fstat(self._file.fileno()).st_size > limit:
            self.rewind()

    @property
    def size(self) -> int:
        """Bytes written so far, those of earlier attempts included."""
        return self._size

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes so far, in hexadecimal."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Append `data`.

        Raises:
            IntegrityError: the file would become longer than `limit`.
            DiskFull: no room; what was written stays.
        """
        if self.limit is not None and self._size + len(data) > self.limit:
            raise IntegrityError(f"more than the {self.limit:,} bytes that were expected")
        view = memoryview(data)
        while view:
            with disk_errors(self.path):
                written = self._file.write(view) or 0
            self._hash.update(view[:written])
            self._size += written
            view = view[written:]

    def rewind(self, size: int = 0) -> None:
        """Forget everything after the first `size` bytes."""
        if size == self._size:
            return
        with disk_errors(self.path):
            self._file.truncate(size)
            self._file.seek(0)
        self._hash = hashlib.sha256()
        self._size = 0
        self.resumed = self._absorb(size)

    def adopt(self, path: Path) -> None:
        """Become the file at `path`, which is moved here and not written twice."""
        self.close()
        with disk_errors(self.path):
            path.replace(self.path)
            self._file = self.path.open("r+b", buffering=0)
        self._hash = hashlib.sha256()
        self._size = 0
        self._absorb(self.limit)

    def sync(self) -> None:
        """Return when the bytes so far would survive a power cut."""
        with disk_errors(self.path):
            os.fsync(self._file.fileno())

    def discard(self) -> None:
        """Close and delete the file."""
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; it stays."""
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> Part:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _absorb(self, limit: int | None) -> bool:
        """Hash what is there already; leaves the file position at its end."""
        while data := self._file.read(CHUNK):
            self._hash.update(data)
            self._size += len(data)
            if limit is not None and self._size > limit:
                break
        return self._size > 0
