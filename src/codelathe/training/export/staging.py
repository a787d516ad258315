"""Where exports are made before they are whole, and what is said when there is no room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from codelathe.core import disk
from codelathe.core.errors import UsageError

_MAKE_ROOM = "free some room, or name another disk with --out"


@contextmanager
def workplace(out: Path) -> Iterator[Path]:
    """An empty folder beside `out`, on the same disk; gone at the end of the block.

    Raises:
        UsageError: the folder that `out` is to stand in does not exist or cannot be written to.
    """
    parent = out.absolute().parent
    if parent.exists() and not parent.is_dir():
        raise UsageError(f"{parent} is a file", hint="name another place", field="out")
    if not parent.is_dir():
        raise UsageError(f"{parent} does not exist", hint=f"mkdir -p {parent}", field="out")
    with writing(parent), disk.workplace(out) as folder:
        yield folder


def check_room(folder: Path, need: int) -> None:
    """Refuse what would fill the disk.

    Raises:
        DiskFull: fewer than `need` bytes are free.
    """
    disk.check_room(folder, need, _MAKE_ROOM)


def writing(path: Path) -> AbstractContextManager[None]:
    """Say of a full disk, and of one that may not be written, that it is so."""
    return disk.disk_errors(
        path,
        _MAKE_ROOM,
        lambda told: UsageError(
            f"cannot write {path}: {told}",
            hint="name a place that can be written with --out",
            field="out",
        ),
    )


def settle(made: Path, out: Path) -> None:
    """Put what is complete in its place, so that it would survive a power cut."""
    with writing(out):
        disk.settle(made, out)
