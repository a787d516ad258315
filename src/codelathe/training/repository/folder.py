"""A folder without git, walked as it lies: without a history, and so without times and edits."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from codelathe.training.repository.git import Commit, Entry
from codelathe.training.repository.options import LeftOut

#: What git would not hold: made by builds and package managers.
_PASSED = frozenset({
    "build", "target", "out", "env", "venv", "virtualenv", "__pycache__", "__pypackages__",
})  # fmt: skip


class FolderTree:
    """The files below a folder, hidden folders and what builds leave there passed over."""

    commit = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def entries(self) -> list[Entry]:
        """All files, in the order of their paths. Links are named and not followed."""
        found = []
        for folder, folders, files in os.walk(self._folder):
            here = Path(folder)
            links = [name for name in folders if (here / name).is_symlink()]
            folders[:] = [f for f in folders if f not in links and self._entered(here / f)]
            for name in files + links:
                path = here / name
                relative = os.fsencode(path.relative_to(self._folder))
                kind = "symlink" if path.is_symlink() else "file"
                found.append(Entry(relative.decode("utf-8", "backslashreplace"), relative, kind))
        return sorted(found, key=lambda entry: entry.path)

    def read(self, entry: Entry, limit: int) -> bytes:
        """The content of a file.

        Raises:
            LeftOut: it is longer than `limit` bytes, cannot be read, or is no ordinary file.
        """
        path = self._folder / os.fsdecode(entry.key)
        try:
            # A pipe would be waited for, a link might lead out of the folder.
            opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            raise LeftOut("unreadable") from None
        with os.fdopen(opened, "rb") as file:
            told = os.fstat(file.fileno())
            if not stat.S_ISREG(told.st_mode):
                raise LeftOut("unreadable")
            if told.st_size > limit:
                raise LeftOut("too large")
            try:
                return file.read(limit)
            except OSError:
                raise LeftOut("unreadable") from None

    def content(self, name: str, limit: int) -> bytes:  # noqa: ARG002 (as of a GitTree)
        """Nothing: without git no content has a name."""
        raise LeftOut("unreadable")

    def marked(self, paths: Sequence[str]) -> dict[str, str]:  # noqa: ARG002 (as of a GitTree)
        """No path: without git nothing reads `.gitattributes`."""
        return {}

    def history(self) -> Iterator[Commit]:
        """None."""
        return iter(())

    def commits(self) -> int:
        """None."""
        return 0

    def close(self) -> None:
        """Nothing is held open."""

    def _entered(self, folder: Path) -> bool:
        name = folder.name
        return not (name.startswith(".") or name in _PASSED or (folder / "pyvenv.cfg").exists())
