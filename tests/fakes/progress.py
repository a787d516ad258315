"""Progresses of our own: one that remembers, one that interrupts."""

from __future__ import annotations

from codelathe.store import Silent


class Heard(Silent):
    """Remembers what the store told."""

    def __init__(self) -> None:
        self.sources: list[str] = []
        self.notes: list[str] = []
        self.totals: list[int | None] = []
        self.counts: list[int] = []

    def started(self, name: str, total: int | None) -> None:
        self.totals.append(total)

    def source(self, name: str) -> None:
        self.sources.append(name)

    def advanced(self, done: int) -> None:
        self.counts.append(done)

    def note(self, text: str) -> None:
        self.notes.append(text)


class Interrupted(Silent):
    """Ctrl-C as soon as `at` bytes are there."""

    def __init__(self, at: int) -> None:
        self._at = at

    def advanced(self, done: int) -> None:
        if done >= self._at:
            raise KeyboardInterrupt
