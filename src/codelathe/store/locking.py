"""One process at a time fetches a thing; the others wait, and then find it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codelathe.store.part import disk_errors
from codelathe.store.progress import Progress

_POLL = 0.2


@contextmanager
def locked(path: Path, name: str, progress: Progress) -> Iterator[None]:
    """Hold the lock file `path`; says so once where another process holds it.

    The system lets go of it when a process ends, however it ends.
    """
    from filelock import FileLock, Timeout

    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.note(f"another process is fetching {name}; waiting for it")
            lock.acquire(poll_interval=_POLL)
    try:
        yield
    finally:
        lock.release()
