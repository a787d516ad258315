"""The folder of a compressed model: it appears whole, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codelathe.core.errors import DiskFull, UsageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def fresh_folder(out: Path) -> Iterator[Path]:
    """A folder to fill; it gets the name `out` when the block has ended without an error.

    However else the block ends, the folder is gone. The folders above `out` are made.

    Raises:
        UsageError: there is something at `out` already, or it cannot be written.
        DiskFull: there is no room.
    """
    check_free(out)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    with _writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir()
    try:
        with _writing(out):
            yield part
            for path in part.iterdir():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
            part.replace(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_free(out: Path) -> None:
    """Refuse a place that is taken; an empty folder is none.

    Raises:
        UsageError: there is a file, or a folder that holds something.
    """
    if out.name in ("", ".."):
        raise UsageError(f"{out} is no name for a new folder", hint="--out small", field="out")
    try:
        taken = any(out.iterdir()) if out.is_dir() else out.is_symlink() or out.exists()
    except OSError as error:
        raise UsageError(f"cannot read {out}: {error.strerror}", field="out") from None
    if taken:
        raise UsageError(
            f"there is something at {out} already",
            hint="name another folder with --out, or remove that one first",
            field="out",
        )


def check_room(folder: Path, needed: int) -> None:
    """Refuse to begin to write what does not fit.

    Raises:
        DiskFull: less than `needed` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DiskFull(
            f"the model takes {needed / 1e9:.1f} GB while it is saved, and {free / 1e9:.1f} GB are "
            f"free at {folder.parent}",
            hint="make room, or name a folder on another disk with --out",
        )


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Say which folder it was, where the disk or its rights end the work."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _full(out) from None
        raise UsageError(
            f"cannot write {out}: {error.strerror or error}",
            hint="name a folder that can be written with --out",
            field="out",
        ) from None
    except Exception as error:
        # safetensors has its own error for what the system says.
        if type(error).__name__ == "SafetensorError" and "os error 28" in str(error).lower():
            raise _full(out) from None
        raise


def _full(out: Path) -> DiskFull:
    return DiskFull(
        f"the disk is full: no room left to write {out}",
        hint="make room, or name a folder on another disk with --out",
    )
