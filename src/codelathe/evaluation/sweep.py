"""A sweep: many smaller variants of one model, each made, measured, and asked what it asks all.

    OUT/sweep.json             what was asked, and the rows so far
    OUT/original/              the original's measures and its run
    OUT/VARIANT/               the variant's weights, `variant.json` with its measures, its run

A variant's folder appears when its weights are made, checked and measured; its run goes on where
it was stopped. So the same call goes on wherever a sweep ended. A variant that fails is a row that
says why, and is tried again by the next call. Who makes, measures and asks is handed in.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from codelathe import __version__
from codelathe.compression.variants import Variant
from codelathe.core.disk import sweep as remove_unfinished
from codelathe.core.disk import whole_folder
from codelathe.core.errors import DiskFull, LatheError, UsageError
from codelathe.evaluation.files import (
    differing,
    is_there,
    open_locked,
    read_object,
    replace_file,
    writing,
)
from codelathe.evaluation.runs import Run, open_run
from codelathe.evaluation.sweep_rows import (
    ORIGINAL,
    Row,
    hold_against,
    row_document,
    row_of,
    score_run,
)

_LONGEST = 100
"""Characters of a model's name in that of a variant, of which systems take 255."""
SWEEP, VARIANT, RUN, LOCK = "sweep.json", "variant.json", "run", ".lock"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sweep is of: a model by name and hash, its own engine, and what all are asked."""

    model: str
    sha256: str
    engine: str
    benchmark: str
    data_sha256: str
    limit: int | None
    max_tokens: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What may not differ between two calls; the methods may, each stands by itself."""
        return asdict(self)

    @property
    def stem(self) -> str:
        """What the variants' names begin with."""
        last = self.model.rstrip("/").rpartition("/")[2].removesuffix(".gguf")
        return re.sub(r"[^A-Za-z0-9._+-]+", "-", last)[-_LONGEST:]


@dataclass(frozen=True, slots=True)
class Workshop:
    """Who does the work, each call in a process of its own.

    `describe` tells bytes and perplexity of the original. `make` puts a variant at a path that is
    free, and tells the same of it and how near it is. `measure` takes a row's name, its model and
    engine, and tells what it takes and gives; `ask` lets it answer into a run's folder.
    """

    describe: Callable[[], Mapping[str, Any]]
    make: Callable[[Variant, Path], Mapping[str, Any]]
    measure: Callable[[str, str, str], Mapping[str, Any]]
    ask: Callable[[str, str, str, Path], None]


@dataclass(frozen=True, slots=True)
class Swept:
    """What there is of a sweep: the original first, then the variants in the order asked for."""

    asked: Asked
    folder: Path
    rows: tuple[Row, ...]


def sweep(
    asked: Asked,
    variants: Sequence[Variant],
    out: Path,
    workshop: Workshop,
    heard: Callable[[Row], None] = lambda _: None,
) -> Swept:
    """Make, measure and ask what is missing in `out`; each row is told as it comes.

    Raises:
        UsageError: `out` holds a sweep of something else, or no sweep.
        InUse: another process is in it.
        LatheError: the original itself cannot be measured or asked; the disk is full. What was
            done is kept, and the same call goes on.
    """
    with _held(out, asked):
        rows: list[Row] = []
        for row in _AtWork(asked, out, workshop).rows(variants):
            rows.append(row)
            heard(row)
            keep(out, swept_document(Swept(asked, out, tuple(rows))))
    return Swept(asked, out, tuple(rows))


def swept_document(swept: Swept) -> dict[str, Any]:
    """A sweep as `sweep.json` has it."""
    return {
        "settings": swept.asked.settings,
        "folder": str(swept.folder),
        "rows": [row_document(row) for row in swept.rows],
        "codelathe": __version__,
    }


def keep(folder: Path, document: Mapping[str, Any]) -> None:
    """Write `sweep.json`.

    Raises:
        DiskFull: there is no room.
        UsageError: it cannot be written.
    """
    replace_file(folder / SWEEP, _text(document))


class _AtWork:
    """One sweep at work; the original comes first, since all are held against it."""

    def __init__(self, asked: Asked, out: Path, workshop: Workshop) -> None:
        self._asked, self._out, self._workshop = asked, out, workshop

    def rows(self, variants: Sequence[Variant]) -> Iterator[Row]:
        """The rows, each when it is complete."""
        original, run = self._original()
        yield original
        for variant in variants:
            yield self._row(variant, run)

    def _original(self) -> tuple[Row, Run]:
        asked, folder = self._asked, self._out / ORIGINAL
        if not (folder / VARIANT).is_file():
            with _filled(folder) as fresh:
                made = self._workshop.describe()
                self._measured(fresh, (ORIGINAL, asked.model, asked.engine), made)
        row = row_of(ORIGINAL, ORIGINAL, asked.model, folder / VARIANT)
        run = self._run(folder, (ORIGINAL, asked.model, asked.engine))
        score, problems = score_run(run)
        return replace(row, score=score, problems=problems), run

    def _row(self, variant: Variant, original: Run) -> Row:
        """The variant's row; one that says why, where it cannot be had."""
        name, engine = variant.name, variant.engine
        row = Row(name, variant.kind)
        folder = self._out / variant.folder
        model = f"{self._asked.stem}-{variant.folder}{variant.suffix}"
        try:
            if not (folder / VARIANT).is_file():
                with _filled(folder) as fresh:
                    made = self._workshop.make(variant, fresh / model)
                    self._measured(fresh, (name, _ref(fresh / model), engine), made)
            row = row_of(name, variant.kind, _ref(folder / model), folder / VARIANT)
            run = self._run(folder, (name, row.model, engine))
            score, problems = score_run(run)
            row = replace(row, score=score, problems=problems)
            return replace(row, shift=hold_against(original, run))
        except DiskFull:
            raise  # the next variants would find it full too
        except LatheError as error:
            return replace(row, failed=error.message)

    def _measured(self, folder: Path, who: tuple[str, str, str], made: Mapping[str, Any]) -> None:
        """Measure, and keep that and what is known of the making."""
        told = {"made": dict(made), "measured": dict(self._workshop.measure(*who))}
        replace_file(folder / VARIANT, _text(told))

    def _run(self, folder: Path, who: tuple[str, str, str]) -> Run:
        """The run in the folder, made or gone on with where it is not finished."""
        path = folder / RUN
        try:
            return open_run(path)
        except LatheError:
            self._workshop.ask(*who, path)
        return open_run(path)


def _ref(path: Path) -> str:
    """What other verbs take a folder or a file by, from wherever they are called."""
    return str(path.absolute())


@contextmanager
def _filled(folder: Path) -> Iterator[Path]:
    """A folder to fill that appears whole, the system's errors as ours."""
    with writing(folder), whole_folder(folder) as fresh:
        yield fresh


@contextmanager
def _held(out: Path, asked: Asked) -> Iterator[None]:
    """See that `out` is this sweep's, and keep other processes out of it."""
    if is_there(out) and not out.is_dir():
        raise UsageError(f"--out {out} is no folder", hint="name a folder", field="out")
    with writing(out):
        strange = (
            out.is_dir()
            and not (out / SWEEP).exists()
            and any(entry.name not in (LOCK, f"{SWEEP}.new") for entry in out.iterdir())
        )
    if strange:
        raise UsageError(
            f"{out} holds something that is no sweep", hint="name another folder with --out",
            field="out",
        )  # fmt: skip
    lock = open_locked(out / LOCK, "sweeping")
    try:
        _require_same(out / SWEEP, asked)
        remove_unfinished(out)  # of variants that this call may not ask for
        yield
    finally:
        os.close(lock)


def _require_same(path: Path, asked: Asked) -> None:
    """See that a sweep which is there is of the same, and say what it is of where it is not."""
    if not path.exists():
        replace_file(path, _text({"settings": asked.settings, "rows": []}))
        return
    told = read_object(path).get("settings")
    if not isinstance(told, dict):
        raise UsageError(f"{path} is damaged", hint="name another folder with --out", field="out")
    if names := differing(told, asked.settings):
        now = asked.settings
        parts = (f"{name} {told.get(_key(name))}, not {now.get(_key(name))}" for name in names)
        raise UsageError(
            f"{path.parent} holds a sweep with {'; '.join(parts)}",
            hint="ask the same as before, or name another folder with --out",
            field="out",
        )


def _key(name: str) -> str:
    return name.replace(" ", "_")


def _text(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode("ascii")
