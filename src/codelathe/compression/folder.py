"""The folder of a compressed model: nothing of the user's is replaced by it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codelathe.core.checkpoint import weight_files
from codelathe.core.disk import check_room, disk_errors, whole_folder
from codelathe.core.errors import UsageError

_MAKE_ROOM = "make room, or name a folder on another disk with --out"


@contextmanager
def fresh_folder(out: Path) -> Iterator[Path]:
    """A folder to fill; it gets the name `out` when the block has ended without an error.

    However else the block ends, the folder is gone. The folders above `out` are made.

    Raises:
        UsageError: there is something at `out` already, or it cannot be written.
        DiskFull: there is no room.
    """
    check_free(out)
    with disk_errors(out, _MAKE_ROOM, lambda told: _unwritable(out, told)):
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole_folder(out) as folder:
            yield folder
            check_free(out)  # somebody else may have been faster


def check_free(out: Path) -> None:
    """Refuse a place that is taken; an empty folder is none.

    Raises:
        UsageError: there is a file, a link, or a folder that holds something.
    """
    if out.name in ("", ".."):
        raise UsageError(f"{out} is no name for a new folder", hint="--out small", field="out")
    try:
        taken = out.is_symlink() or (any(out.iterdir()) if out.is_dir() else out.exists())
    except OSError as error:
        raise UsageError(f"cannot read {out}: {error.strerror}", field="out") from None
    if taken:
        raise UsageError(
            f"there is something at {out} already",
            hint="name another folder with --out, or remove that one first",
            field="out",
        )


def check_fits(folder: Path, needed: int) -> None:
    """Refuse to begin to write `needed` bytes into `folder` that do not fit.

    Raises:
        DiskFull: fewer are free.
    """
    check_room(folder, needed, _MAKE_ROOM)


def weight_bytes(path: Path) -> int:
    """The bytes of a file, or of the weights in a folder that are loaded.

    Repositories hold the same weights in several forms, and trainers their own state.
    """
    if path.is_file():
        return path.stat().st_size
    files = weight_files(path) or path.glob("*_model*.bin")
    return sum(file.stat().st_size for file in files)


def _unwritable(out: Path, told: str) -> UsageError:
    return UsageError(
        f"cannot write {out}: {told}",
        hint="name a folder that can be written with --out",
        field="out",
    )
