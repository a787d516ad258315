"""The text of one answer while it grows: ends before a stop string, never shows part of one.

Both local engines use it, so that stop strings mean the same in each: the answer
ends before the first of them, and an end of the text that may still become a stop
string is held back until the next piece decides.
"""

from __future__ import annotations

from collections.abc import Sequence


class Answer:
    """Collects pieces of text. `text` may be shown; `stopped` says that a stop string ended it."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = tuple(stop)
        self._longest = max(map(len, self._stop), default=0)
        self._all = ""
        self._shown = 0
        self.stopped = False

    @property
    def text(self) -> str:
        """The answer so far, without what may yet be the start of a stop string."""
        return self._all[: self._shown]

    def add(self, piece: str, *, last: bool = False) -> bool:
        """Append `piece`; True when there is more to show than before.

        After the `last` piece nothing is held back.
        """
        before = self._shown
        searched = max(before, len(self._all) - self._longest + 1)
        self._all += piece
        found = [at for at in (self._all.find(s, searched) for s in self._stop) if at >= 0]
        if found:
            self.stopped = True
            self._all = self._all[: min(found)]
        undecided = 0 if found or last else self._undecided()
        self._shown = len(self._all) - undecided
        return self._shown > before

    def _undecided(self) -> int:
        """How many characters at the end could be the start of a stop string."""
        for length in range(min(self._longest - 1, len(self._all)), 0, -1):
            if any(s.startswith(self._all[-length:]) for s in self._stop):
                return length
        return 0
