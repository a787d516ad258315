"""Writing that is whole or absent, and a full disk told as one.

Rooms say in their own words what to do about a disk that is full or closed to them; what
such an error looks like, and how a folder appears at once, is the same for all.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from codelathe.core.errors import DiskFull, LatheError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: How libraries word it whose errors carry no number: those in Rust, numpy, torch.
_FULL_WORDS = (
    "no space left", "os error 28", "quota exceeded", "os error 122", "requested and",
    "failed writing", "file write failed", "iostream error", "unexpected pos",
)  # fmt: skip
_MARK = ".unfinished-"


@contextmanager
def disk_errors(
    path: Path, hint: str, otherwise: Callable[[str], LatheError] | None = None
) -> Iterator[None]:
    """Tell of a full disk as DiskFull with `hint`, however the library that writes says it.

    Of what else the system says about files, `otherwise` makes an error; without it, that
    goes its way.

    Raises:
        DiskFull: there was no room to write `path`.
    """
    try:
        yield
    except LatheError:
        raise
    except Exception as error:
        if says_full(error):
            raise DiskFull(f"the disk is full: no room left to write {path}", hint=hint) from None
        if otherwise is None or not isinstance(error, OSError):
            raise
        raise otherwise(error.strerror or str(error)) from None


def says_full(error: Exception) -> bool:
    """Whether an error means that the disk is full."""
    number = getattr(error, "errno", None)
    if number is not None:
        return number in _FULL
    told = str(error).lower()
    return any(words in told for words in _FULL_WORDS)


def check_room(folder: Path, needed: int, hint: str) -> None:
    """Refuse to begin what does not fit on the disk of `folder`; `needed` is in bytes.

    Raises:
        DiskFull: fewer bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFull(
            f"{needed:,} bytes are to be written in {folder}, and {free:,} are free", hint=hint
        )


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` when the block has ended without an error.

    A folder that stood there is replaced. However else the block ends, `target` is as it was.
    """
    with workplace(target) as fresh:
        yield fresh
        settle(fresh, target)


@contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, whose own folder exists; gone at the end of the block.

    What processes left there that were killed meanwhile is removed.
    """
    target = target.absolute()
    sweep(target.parent, target.name)
    fresh = target.with_name(f".{target.name}{_MARK}{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def settle(made: Path, target: Path) -> None:
    """Put a file or folder that is complete in its place, in the place of what stood there.

    It would survive a power cut then, to its last byte.
    """
    target = target.absolute()
    for entry in [*made.rglob("*"), made] if made.is_dir() else [made]:
        make_durable(entry)
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    made.replace(target)
    make_durable(target.parent)


def make_durable(path: Path) -> None:
    """Return when a file's bytes, or a folder's names, would survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path, name: str = "*") -> None:
    """Remove what processes that are no more had not finished in `folder`: of `name`, or all."""
    for left in folder.glob(f".{name}{_MARK}*"):
        number = left.name.rpartition("-")[2]
        if number.isdecimal() and not _alive(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
