"""Files and folders that appear whole or not at all.

What is made lies beside its place under a hidden name with the process's number, and is renamed
when it is complete. What processes that have ended left there is removed by the next one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codelathe.core.errors import DiskFull, UsageError
from codelathe.store.part import disk_errors, disk_full

_MARK = ".making-"


@contextmanager
def workplace(out: Path) -> Iterator[Path]:
    """An empty folder beside `out`, on the same disk; gone at the end of the block.

    Raises:
        UsageError: the folder that `out` is to stand in does not exist.
        StoreError: it cannot be written to.
    """
    if not out.absolute().parent.is_dir():
        raise UsageError(
            f"{out.absolute().parent} does not exist",
            hint=f"mkdir -p {out.absolute().parent}",
            field="out",
        )
    _sweep(out)
    folder = out.absolute().parent / f".{out.name}{_MARK}{os.getpid()}"
    with disk_errors(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_room(folder: Path, need: int) -> None:
    """Refuse what would fill the disk.

    Raises:
        DiskFull: fewer than `need` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < need:
        raise DiskFull(
            f"{need:,} bytes are to be written in {folder.parent}, and {free:,} are free",
            hint="free some room, or name another disk with --out",
        )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say of a full disk that it is one, however the library that writes puts it."""
    try:
        with disk_errors(path):
            yield
    except Exception as error:
        if isinstance(error, DiskFull) or not _of_a_full_disk(error):
            raise
        raise disk_full(path) from None


def settle(made: Path, out: Path) -> None:
    """Put what is complete in its place, so that it would survive a power cut.

    An empty folder in its place, or a file, is replaced.
    """
    with writing(out):
        for file in [made, *made.rglob("*")] if made.is_dir() else [made]:
            if file.is_file():
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())
        made.replace(out.absolute())
        parent = os.open(out.absolute().parent, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)


def _of_a_full_disk(error: Exception) -> bool:
    """Whether the words are those of a full disk: these errors carry no number."""
    told = str(error).lower()
    return "no space left" in told or "os error 28" in told or "requested and" in told


def _sweep(out: Path) -> None:
    """Remove the workplaces of processes that are no more."""
    for left in out.absolute().parent.glob(f".{out.name}{_MARK}*"):
        number = left.name.rpartition("-")[2]
        if number.isdecimal() and not Path(f"/proc/{number}").exists():
            shutil.rmtree(left, ignore_errors=True)
