"""What the user's own weights are, by content: hashed once, remembered while they look the same.

A file is taken to be what it was while its size and its time of change are. Of a folder the
files in it count, by name and content. Hidden ones, those in folders of its own (checkpoints of
its training, runs of its evaluation) and those that only tell of the model do not.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from codelathe.core.errors import ModelRefError

_TELLING = frozenset({"lathe.json", "gate.json"})
_TOLD_BY = frozenset({".md", ".png", ".log"})


def content_sha256(path: Path, remembered: Path) -> str:
    """The SHA-256 of a file, or of a folder's files; `remembered` is a file of known ones.

    Raises:
        ModelRefError: it cannot be read.
    """
    try:
        if path.is_dir():
            lines = [
                f"{entry.relative_to(path)} {_file_sha256(entry, remembered)}"
                for entry in sorted(path.iterdir())
                if entry.is_file() and not _tells_only(entry)
            ]
            return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
        return _file_sha256(path, remembered)
    except OSError as error:
        raise ModelRefError(f"cannot read {path}: {error.strerror}", field="model") from None


def _tells_only(file: Path) -> bool:
    """Whether a file is no part of the model beside it."""
    name = file.name
    return name.startswith(".") or name in _TELLING or file.suffix.lower() in _TOLD_BY


def _file_sha256(path: Path, remembered: Path) -> str:
    state = path.stat()
    name, now = str(path.resolve()), [state.st_size, state.st_mtime_ns, state.st_ino]
    known = _known(remembered)
    entry = known.get(name)
    if isinstance(entry, list) and entry[:-1] == now and isinstance(entry[-1], str):
        return entry[-1]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    _remember(remembered, {**known, name: [*now, digest]})
    return digest


def _known(remembered: Path) -> dict[str, object]:
    try:
        found = json.loads(remembered.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(remembered: Path, known: dict[str, object]) -> None:
    """Write what is known; where that cannot be done, it is hashed again next time."""
    fresh = remembered.with_name(f"{remembered.name}.{os.getpid()}.new")
    try:
        remembered.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(known), encoding="ascii")
        fresh.replace(remembered)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
