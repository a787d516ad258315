"""What was built is kept: programs by what they were built of, kits by what they are.

Under the folder of codelathe's home, `cache/programs` holds archives named by a SHA-256 over
sources, commands and toolchain; `cache/kits` a folder a kit, which slots see as `/kits`.
Bytes come here out of a sandbox and go back into one; nothing on this side opens a path that
a candidate could have shaped. Nothing is half-written.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import hashlib
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

MOST_BYTES = 2 << 30
"""Bytes of programs that are kept; beyond it the ones unused for longest are let go."""

_TIDIED_EVERY = 200
_kept = itertools.count()


def key(*parts: Any) -> str:
    """The name of what is built of `parts`."""
    text = json.dumps(parts, sort_keys=True, default=dict)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@functools.cache
def _temporary(home: str) -> Path:
    """Stands in, for the life of this process, for a home that cannot be written."""
    del home
    folder = tempfile.mkdtemp(prefix="codelathe-cache-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _home() -> Path:
    """The same folder as `codelathe.store.folders.home`, which this room may not import."""
    named = os.environ.get("CODELATHE_HOME", "")
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("codelathe", appauthor=False)


def _folder(name: str) -> Path:
    home = _home()
    folder = home / "cache" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(str(folder))
    except OSError:
        folder = _temporary(str(home)) / name
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def kits() -> Path:
    """The folder that slots see; who a slot becomes must be able to read it."""
    folder = _folder("kits")
    with contextlib.suppress(OSError):
        folder.chmod(0o755)
    return folder


def read_program(name: str) -> bytes | None:
    """The archive kept under `name`, if there is one."""
    path = _program(name)
    try:
        data = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    return data


def keep_program(name: str, data: bytes) -> None:
    """Keep an archive. A disk without room for it is no reason to stop."""
    path = _program(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, data)
    except OSError:
        return
    if next(_kept) % _TIDIED_EVERY == 0:
        tidy(MOST_BYTES)


def _program(name: str) -> Path:
    return _folder("programs") / name[:2] / name


def _write(path: Path, data: bytes) -> None:
    """All of a file or none of it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def has_kit(name: str) -> bool:
    """Whether the kit is there."""
    return (kits() / name).is_dir()


@contextlib.contextmanager
def building(name: str) -> Iterator[bool]:
    """Hold the right to build a kit; whether it still has to be built."""
    with (kits() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not has_kit(name)


def keep_kit(name: str, files: Mapping[str, bytes]) -> None:
    """Keep a kit's files, all of them or none.

    Raises:
        OSError: the disk has no room for them.
    """
    target = kits() / name
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix="."))
    try:
        temporary.chmod(0o755)
        for file, data in files.items():
            path = temporary / file
            path.parent.mkdir(parents=True, exist_ok=True)
            for folder in path.relative_to(temporary).parents:
                (temporary / folder).chmod(0o755)
            path.write_bytes(data)
            path.chmod(0o644)
        temporary.rename(target)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def tidy(most: int) -> None:
    """Let go of the programs unused for longest, until those left are of `most` bytes."""
    found = []
    for path in _folder("programs").glob("??/*"):
        with contextlib.suppress(OSError):
            about = path.stat()
            found.append((about.st_mtime, about.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= most:
            return
        with contextlib.suppress(OSError):
            path.unlink()
        total -= size
