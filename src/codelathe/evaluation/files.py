"""Files that grow line by line or are replaced as a whole, so that no end leaves a broken one.

The system's errors become ours: a full disk, a file that cannot be written, a second process.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from codelathe.core.disk import disk_errors
from codelathe.core.errors import InUse, UsageError

_CHUNK = 1 << 16
_OUT = "name a file that can be written with --out"


def open_locked(path: Path, doing: str = "judging") -> int:
    """Open `path` for reading and appending, and lock it; `doing` is what others are told of."""
    while True:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise UsageError(
                    f"{path} is no file that rows can be kept in",
                    hint="name an ordinary file with --out",
                    field="out",
                )
            _lock(file, path)
            if os.path.samestat(os.fstat(file), path.stat()):
                return file
        except BlockingIOError:
            os.close(file)
            raise InUse(
                f"another process is {doing} into {path}",
                hint="wait until it is done, or name another place with --out",
            ) from None
        except FileNotFoundError:
            pass  # replaced or removed between the two: the new one is wanted
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _lock(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:  # some network disks have no locks
        raise UsageError(
            f"{path} cannot be locked: {error.strerror}",
            hint="name a place on another disk with --out",
            field="out",
        ) from None


def open_for_append(path: Path) -> int:
    """Open `path`, which is there, for appending."""
    with writing(path):
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)


def append_line(file: int, path: Path, line: bytes) -> None:
    """Write all of `line` at the end, or nothing."""
    with writing(path):
        before = os.fstat(file).st_size
        try:
            written = 0
            while written < len(line):
                written += os.write(file, line[written:])
        except OSError:
            with suppress(OSError):
                os.ftruncate(file, before)
            raise


def replace_file(path: Path, data: bytes, *, hint: str = _OUT, field: str = "out") -> None:
    """Write `path` as a whole: under another name first, and on the disk before it counts.

    Several that do so at once wait for each other. `hint` and `field` are of an error.
    """
    with writing(path, hint, field):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _fresh(path.with_name(path.name + ".new")) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)


@contextmanager
def _fresh(path: Path) -> Iterator[BinaryIO]:
    """An empty file at `path` that is nobody else's while it is open; gone where that fails."""
    while True:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _stands_at(path, file):
                continue  # whoever was waited for has moved it to its place
            file.truncate(0)
            try:
                yield file
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            return


def _stands_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def writing(path: Path, hint: str = _OUT, field: str = "out") -> Iterator[None]:
    """The system's errors about `path` as ours."""
    full = "make room and run the same command again; what was done is kept"
    with disk_errors(
        path, full, lambda told: UsageError(f"cannot write {path}: {told}", hint=hint, field=field)
    ):
        yield


def json_line(document: Any) -> bytes:
    """`document` as a line, ASCII throughout."""
    return json.dumps(document).encode("ascii") + b"\n"


def parsed_line(line: bytes) -> dict[str, Any]:
    """The object that a line holds, empty where it holds none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def read_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds, empty where there is none."""
    try:
        return parsed_line(path.read_bytes())
    except OSError:
        return {}


def is_there(path: Path) -> bool:
    """Whether there is anything at `path`; what cannot be a path is nowhere."""
    try:
        return path.exists()
    except OSError:  # a name that is too long, say
        return False


def differing(told: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the settings that are not the same."""
    names = [*settings, *(name for name in told if name not in settings)]
    # Through JSON, which has lists where Python has tuples.
    wanted = json.loads(json.dumps(settings))
    return tuple(n.replace("_", " ") for n in names if told.get(n) != wanted.get(n))


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def drop_cut_line(file: int) -> None:
    """Cut a file after its last whole line."""
    end = os.fstat(file).st_size
    while end:
        begin = max(0, end - _CHUNK)
        at = os.pread(file, end - begin, begin).rfind(b"\n")
        if at >= 0:
            end = begin + at + 1
            break
        end = begin
    os.ftruncate(file, end)
