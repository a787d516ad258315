"""A file of rows that one process at a time may write, and the journal beside it.

The journal's first line is what the run was asked to do; notes and what only an unfinished
run needs follow. It goes when the result is there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from codelathe.evaluation.files import (
    append_line,
    drop_cut_line,
    json_line,
    open_for_append,
    open_locked,
    replace_file,
    writing,
)

NOTED = 10.0
"""Seconds of work after which they are noted: those that `kill -9` takes are not counted."""


class GrowingFile:
    """Rows at `path`, locked while this is open. A context manager.

    `notes` are what was noted of this run and of those that it goes on with.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        """Open or create the file, and find out what is there.

        Raises:
            UsageError: it is of another run, or of none.
            InUse: another process is at it.
            LatheError: it cannot be written.
        """
        self.path = path
        self.notes: list[Any] = []
        self._settings = dict(settings)
        self._journal = path.with_name(path.name + ".journal")
        self._side = -1
        self._file = open_locked(path)
        try:
            self._enter()
        except BaseException:
            self.close()
            raise

    def _enter(self) -> None:
        """Make what is there such that it can be gone on with, or begin."""

    def note(self, document: Any) -> None:
        """Keep something about the run for those that go on with it.

        Raises:
            DiskFull: there is no room; what was written before is kept.
        """
        append_line(self._side, self._journal, json_line({"note": document}))
        self.notes.append(document)

    def close(self) -> None:
        """Let go of the files. Closing twice is harmless."""
        for file in (self._file, self._side):
            if file >= 0:
                with suppress(OSError):
                    os.close(file)
        self._file = self._side = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin_journal(self) -> None:
        replace_file(self._journal, json_line({"run": self._settings}))
        self._side = open_for_append(self._journal)

    def _continue_journal(self, end: int) -> None:
        """Go on after the journal's first `end` bytes, and after the last whole row."""
        self._side = open_for_append(self._journal)
        os.ftruncate(self._side, end)
        drop_cut_line(self._file)

    def _end_journal(self) -> None:
        with writing(self._journal):
            self._journal.unlink(missing_ok=True)
