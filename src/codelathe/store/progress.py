"""What the store tells while it works. A bar, a log or nothing can stand behind it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Is told what happens; a call must be quick, since the download waits for it."""

    def started(self, name: str, total: int | None) -> None:
        """`name` is going to be put in place; `total` bytes where that is known."""
        ...

    def source(self, name: str) -> None:
        """From now on the bytes come from the source `name`."""
        ...

    def advanced(self, done: int) -> None:
        """`done` bytes of the total are there: an absolute count, which may also fall."""
        ...

    def note(self, text: str) -> None:
        """Something a user should read: a source that failed, another process, a pin."""
        ...


class Silent:
    """The Progress that tells nobody."""

    def started(self, name: str, total: int | None) -> None:
        """Ignored."""

    def source(self, name: str) -> None:
        """Ignored."""

    def advanced(self, done: int) -> None:
        """Ignored."""

    def note(self, text: str) -> None:
        """Ignored."""


class Offset:
    """Counts one file of several: its bytes are added to those of the files before it."""

    def __init__(self, progress: Progress, before: int) -> None:
        self._progress = progress
        self._before = before

    def started(self, name: str, total: int | None) -> None:
        """The whole was announced already."""

    def source(self, name: str) -> None:
        """Handed on."""
        self._progress.source(name)

    def advanced(self, done: int) -> None:
        """Handed on, with the files before added."""
        self._progress.advanced(self._before + done)

    def note(self, text: str) -> None:
        """Handed on."""
        self._progress.note(text)
