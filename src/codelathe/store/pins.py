"""What the hub gave the first time, for references the catalogue does not pin.

Trust on first use: the commit and the hashes of the first fetch are kept, also after
the model is removed, and a later fetch of the same reference takes that commit and
checks those hashes. A reference with a revision of its own pins nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.store.locking import locked
from codelathe.store.part import disk_errors
from codelathe.store.progress import Silent
from codelathe.store.shelf import Record


@dataclass(frozen=True, slots=True)
class Pin:
    """A commit, and the SHA-256 of its files by name."""

    revision: str
    files: Mapping[str, str]

    def sha256(self, name: str) -> str:
        """The hash of the file `name`, empty where it was not fetched then."""
        return self.files.get(name, "")


class Pins:
    """The pins in one JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str) -> Pin | None:
        """The pin of the reference `name`."""
        kept = self._all().get(name)
        return Pin(kept["revision"], kept["files"]) if kept else None

    def remember(self, name: str, record: Record) -> None:
        """Pin `name` to what `record` holds, unless it is pinned."""
        with locked(self._path.with_suffix(".lock"), "the pins", Silent()):
            pins = self._all()
            if name in pins:
                return
            files = {kept.name: kept.sha256 for kept in record.files}
            pins[name] = {"revision": record.revision, "files": files}
            temporary = self._path.with_suffix(".tmp")
            with disk_errors(self._path):
                temporary.write_text(json.dumps(pins, indent=1), encoding="utf-8")
                temporary.replace(self._path)

    def _all(self) -> dict[str, Any]:
        try:
            pins = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return pins if isinstance(pins, dict) else {}
