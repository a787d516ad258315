"""The source `local`: a file somebody copied here, found by its name.

It is looked for in the store's own folders, from where it is moved into place, and in
the folder `CODELATHE_DATA`, from where it is copied, since that one is not ours. A file
with other bytes than the pinned ones is left where it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from codelathe.core.errors import IntegrityError, SourceUnreachable
from codelathe.store.artefact import Artefact
from codelathe.store.folders import expanded
from codelathe.store.part import CHUNK, Part, file_sha256
from codelathe.store.progress import Progress

VARIABLE = "CODELATHE_DATA"


class LocalSource:
    """Files under the drop folders `ours`, then under `CODELATHE_DATA`."""

    name = "local"

    def __init__(self, ours: Iterable[Path]) -> None:
        self._ours = tuple(ours)

    def carries(self, artefact: Artefact) -> bool:
        """Whether there is a file of that name. Only pinned artefacts are looked for."""
        return bool(artefact.sha256) and self._find(artefact) is not None

    def fetch(self, artefact: Artefact, part: Part, progress: Progress) -> None:
        """Move or copy the file into `part`."""
        found = self._find(artefact)
        if found is None:
            folders = ", ".join(map(str, self._folders()))
            raise SourceUnreachable(f"no {artefact.file} in {folders}")
        self._check(found, artefact)
        part.rewind()
        if found.parent in self._ours:
            part.adopt(found)
        else:
            _copy(found, part, progress)
        progress.advanced(part.size)

    def _check(self, found: Path, artefact: Artefact) -> None:
        size = found.stat().st_size
        if artefact.bytes is not None and size != artefact.bytes:
            raise IntegrityError(f"{found} has {size:,} bytes, not {artefact.bytes:,}")
        if artefact.sha256 and (digest := file_sha256(found)) != artefact.sha256:
            raise IntegrityError(f"{found} has the SHA-256 {digest}, not {artefact.sha256}")

    def _find(self, artefact: Artefact) -> Path | None:
        paths = (folder / artefact.file for folder in self._folders())
        return next((path for path in paths if path.is_file()), None)

    def _folders(self) -> tuple[Path, ...]:
        data = os.environ.get(VARIABLE, "")
        return (*self._ours, expanded(data)) if data else self._ours


def _copy(found: Path, part: Part, progress: Progress) -> None:
    with found.open("rb") as file:
        while data := file.read(CHUNK):
            part.write(data)
            progress.advanced(part.size)
