"""The folder of a run: whose it is, one process at a time, checkpoints that are whole or absent.

    DIR/run.json            what decides the result, and the result when there is one
    DIR/metrics.jsonl       a line a step, and one for each validation loss
    DIR/checkpoints/step-N  weights that can be used, and all that is needed to go on from them

A checkpoint is written under another name, made durable, and then renamed; whatever a process
that died left under such a name is removed before the next one starts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from codelathe.core import disk
from codelathe.core.errors import InputError, InUse, UsageError

RUN, METRICS, CHECKPOINTS, LOCK = "run.json", "metrics.jsonl", "checkpoints", ".lock"
_STEP = re.compile(r"step-(\d{8})")
_FRESH = ".new"
_DIFFERENT = 8


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes out of `folder`, which is made where it is missing.

    Raises:
        InUse: another process is in it.
        InputError: it cannot be made.
    """
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise InUse(
            f"another process is tuning into {folder}",
            hint="wait for it, or name another folder: --out DIR",
        ) from None
    except OSError as error:
        raise InputError(
            f"cannot write into {folder}: {error.strerror}", hint="name another folder: --out DIR",
            field="out",
        ) from None  # fmt: skip
    try:
        yield
    finally:
        lock.release()


def read_run(folder: Path) -> dict[str, Any] | None:
    """What `folder` says of the run in it; None where there is none.

    Raises:
        InputError: it cannot be read.
    """
    path = folder / RUN
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}", field="out") from None
    return document if isinstance(document, dict) else {}


def claim(folder: Path, identity: Mapping[str, Any]) -> dict[str, Any]:
    """Make `folder` that of the run `identity`, or see that it is; what it says of the run.

    Raises:
        UsageError: another run is in it (with what differs), or files that are no run.
    """
    found = read_run(folder)
    if found is None:
        ours = {LOCK, f"{RUN}{_FRESH}"}  # the second of a process that died at its first file
        if any(entry.name not in ours for entry in folder.iterdir()):
            raise UsageError(
                f"{folder} holds files that are no tuning run",
                hint="name a new folder: --out DIR",
                field="out",
            )
        found = {"identity": dict(identity)}
        write_json(folder / RUN, found)
        return found
    refuse_another(folder, found, identity)
    if (
        found.get("identity") != identity
    ):  # one that was refused, or stopped, before it kept anything
        found = {"identity": dict(identity)}
        write_json(folder / RUN, found)
    return found


def refuse_another(folder: Path, found: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Refuse a folder that holds the run of something else, of which anything is kept.

    Raises:
        UsageError: with what differs.
    """
    if "result" not in found and not checkpoints(folder):
        return
    told = differences(found.get("identity", {}), identity)
    if told:
        more = f"; and {len(told) - _DIFFERENT} more" if len(told) > _DIFFERENT else ""
        raise UsageError(
            f"{folder} holds another run: {'; '.join(told[:_DIFFERENT])}{more}",
            hint="name another folder (--out DIR), or remove this one",
            field="out",
        )


def differences(there: Mapping[str, Any], here: Mapping[str, Any], at: str = "") -> list[str]:
    """What two nested tables disagree on, in words."""
    told = []
    for name in sorted({*there, *here}):
        where = f"{at}.{name}" if at else name
        one, other = there.get(name), here.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            told += differences(one, other, where)
        elif one != other:
            told.append(f"{where} is {_shown(one)} there and {_shown(other)} here")
    return told


def _shown(value: Any) -> str:
    text = "absent" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."


def write_json(path: Path, document: Any) -> None:
    """Write a document, whole or not at all."""
    fresh = path.with_name(f"{path.name}{_FRESH}")
    with disk_errors(path), fresh.open("w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def checkpoint_folder(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step is."""
    return folder / CHECKPOINTS / f"step-{step:08}"


def checkpoints(folder: Path) -> dict[int, Path]:
    """The whole checkpoints by step, in order."""
    try:
        entries = list((folder / CHECKPOINTS).iterdir())
    except FileNotFoundError:
        return {}
    found = {int(m[1]): entry for entry in entries if (m := _STEP.fullmatch(entry.name))}
    return dict(sorted(found.items()))


def clear_halves(folder: Path) -> None:
    """Remove what a process that died had not finished writing."""
    for where in (folder, folder / CHECKPOINTS):
        if where.is_dir():
            disk.sweep(where)
        for entry in where.glob(f"*{_FRESH}") if where.is_dir() else ():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to write into that becomes `target` when all of it is on the disk.

    Raises:
        DiskFull: there is too little room; `target` is as it was before.
    """
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with disk.whole_folder(target) as fresh:
            yield fresh


def prune(folder: Path, keep: int, best: int | None, remove: Callable[[Path], None]) -> None:
    """Remove checkpoints but the newest `keep` and that of the step `best`."""
    found = checkpoints(folder)
    for step, path in list(found.items())[:-keep]:
        if step != best:
            remove(path)


def remove_checkpoint(path: Path) -> None:
    """Remove a checkpoint; one that is half gone does not bear its name."""
    gone = path.with_name(f"{path.name}{_FRESH}")
    path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def disk_errors(path: Path) -> AbstractContextManager[None]:
    """Say as one of our errors that the disk is full."""
    return disk.disk_errors(path, "make room; the same command goes on from the last checkpoint")
