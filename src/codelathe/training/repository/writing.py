"""A row file that appears whole or not at all: another name first, then one rename."""

from __future__ import annotations

import hashlib
import os
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

from codelathe.core.disk import disk_errors
from codelathe.core.errors import UsageError


class RowFile:
    """Takes lines; the file is in place only when the block has ended without an error."""

    def __init__(self, path: Path) -> None:
        """Refuses a path that cannot become a file, before any work is done.

        Raises:
            UsageError: a folder, a device, or a folder that is not there or not writable.
        """
        self.path = path
        self._hash = hashlib.sha256()
        if path.exists() and not path.is_file():
            raise UsageError(
                f"{path} is no file that rows can be written to",
                hint="name an ordinary file with --out",
                field="out",
            )
        self._fresh = path.with_name(f".{path.name}.{os.getpid()}.part")
        with _writing(path):
            self._file = self._fresh.open("xb")

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written so far."""
        return self._hash.hexdigest()

    def write(self, line: bytes) -> None:
        """Append a line.

        Raises:
            DiskFull: there is no room.
        """
        self._hash.update(line)
        with _writing(self.path):
            self._file.write(line)

    def keep(self) -> None:
        """Put the file in its place."""
        with _writing(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._fresh.replace(self.path)

    def __enter__(self) -> RowFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What was not kept is removed."""
        with suppress(OSError):  # what is still in the buffer may not fit on the disk
            self._file.close()
        self._fresh.unlink(missing_ok=True)


def _writing(path: Path) -> AbstractContextManager[None]:
    return disk_errors(
        path,
        "make room, or name a file on another disk with --out",
        lambda told: UsageError(
            f"cannot write {path}: {told}",
            hint="name a file that can be written with --out",
            field="out",
        ),
    )
