"""Putting the files of one model in place: source after source, checked, then renamed.

The unfinished files of a model lie in one folder, those that are complete in `ready`
below it. They are checked before they get there; an interrupted fetch begins with what
both hold.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

from codelathe.core.errors import (
    ArtefactUnavailable,
    DiskFull,
    IntegrityError,
    SourceUnreachable,
    StoreError,
)
from codelathe.store.artefact import Artefact, Source
from codelathe.store.part import Part, disk_errors
from codelathe.store.planning import Plan
from codelathe.store.progress import Offset, Progress
from codelathe.store.shelf import KeptFile, Record, kept_file, read_record, write_record


class Fetcher:
    """Fetches plans into `folder`, from the first of `sources` that gives the right bytes."""

    def __init__(self, sources: Sequence[Source], folder: Path) -> None:
        self._sources = sources
        self._folder = folder
        self._ready = folder / "ready"

    def fetch(self, plan: Plan, progress: Progress) -> tuple[Path, Record]:
        """Fetch everything; the folder with the complete files and the record of them.

        Raises:
            ArtefactUnavailable: no source could give a file; the message has each reason.
            IntegrityError: a source had other bytes and none had the right ones.
            DiskFull: before, when the size is known, or when it happens.
        """
        with disk_errors(self._ready):
            self._ready.mkdir(parents=True, exist_ok=True)
        done = self._done(plan)
        self._require_room(plan, done)
        progress.started(plan.name, plan.bytes or None)
        before = 0
        for artefact in plan.artefacts:
            if artefact.file not in done:
                kept = self._fetch_one(plan, artefact, Offset(progress, before))
                done[artefact.file] = kept
                self._note(plan, done)
            before += done[artefact.file].bytes
            progress.advanced(before)
        files = tuple(done[artefact.file] for artefact in plan.artefacts)
        return self._ready, dataclasses.replace(plan.record, files=files)

    def _done(self, plan: Plan) -> dict[str, KeptFile]:
        """Files that an earlier, interrupted fetch of the same commit completed."""
        earlier = read_record(self._ready)
        if earlier is None or earlier.revision != plan.record.revision:
            return {}
        pinned = {artefact.file: artefact.sha256 for artefact in plan.artefacts}
        return {
            kept.name: kept
            for kept in earlier.files
            if pinned.get(kept.name) in ("", kept.sha256)
            and (self._ready / kept.name).is_file()
            and (self._ready / kept.name).stat().st_size == kept.bytes
        }

    def _note(self, plan: Plan, done: dict[str, KeptFile]) -> None:
        with disk_errors(self._ready):
            record = dataclasses.replace(plan.record, files=tuple(done.values()))
            write_record(self._ready, record)

    def _require_room(self, plan: Plan, done: dict[str, KeptFile]) -> None:
        """Refuse before the first byte. A file in the drop folder is moved: it needs no room."""
        have = sum(file.stat().st_size for file in self._folder.glob("*.part"))
        have += sum(a.bytes or 0 for a in plan.artefacts if (plan.drop / a.file).is_file())
        need = plan.bytes - sum(kept.bytes for kept in done.values()) - have
        free = shutil.disk_usage(self._folder).free
        if need > free:
            raise DiskFull(
                f"{plan.name} needs {need:,} bytes and {self._folder} has {free:,} free",
                hint="free some space, or set CODELATHE_HOME to a larger disk",
            )

    def _fetch_one(self, plan: Plan, artefact: Artefact, progress: Progress) -> KeptFile:
        failures: list[tuple[str, StoreError]] = []
        for source in self._sources:
            if not source.carries(artefact):
                continue
            progress.source(source.name)
            try:
                return self._fetch_from(source, artefact, progress)
            except (SourceUnreachable, IntegrityError) as error:
                failures.append((source.name, error))
                progress.note(f"{source.name}: {error.message}")
        raise _nobody(plan, artefact, failures)

    def _fetch_from(self, source: Source, artefact: Artefact, progress: Progress) -> KeptFile:
        path = self._folder / f"{artefact.file.replace('/', '--')}.{source.name}.part"
        if not artefact.sha256:
            path.unlink(missing_ok=True)  # nothing could tell whether it belongs together
        with Part(path, artefact.bytes) as part:
            resumed = part.resumed
            wrong = _attempt(source, artefact, part, progress)
            if wrong and resumed:
                progress.note(f"{source.name}: what was kept is spoilt, beginning anew")
                part.rewind()
                wrong = _attempt(source, artefact, part, progress)
            if wrong:
                part.discard()
                raise IntegrityError(wrong)
            part.sync()
            digest = part.sha256
        place = self._ready / artefact.file
        with disk_errors(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
        return kept_file(self._ready, artefact.file, digest, source.name)


def _attempt(source: Source, artefact: Artefact, part: Part, progress: Progress) -> str:
    """Fetch; what is wrong with the bytes, empty where nothing is."""
    try:
        source.fetch(artefact, part, progress)
    except IntegrityError as error:
        return error.message
    if artefact.bytes is not None and part.size != artefact.bytes:
        return f"it gave {part.size:,} bytes for {artefact.file}, not {artefact.bytes:,}"
    if artefact.sha256 and part.sha256 != artefact.sha256:
        return (
            f"it gave other bytes for {artefact.file}: SHA-256 {part.sha256}, "
            f"not the pinned {artefact.sha256}"
        )
    return ""


def _nobody(plan: Plan, artefact: Artefact, failures: list[tuple[str, StoreError]]) -> StoreError:
    """No source gave the file: every one with its reason, and what to copy where."""
    reasons = "; ".join(f"{name}: {error.message}" for name, error in failures)
    altered = any(isinstance(error, IntegrityError) for _, error in failures)
    kind: type[StoreError] = IntegrityError if altered else ArtefactUnavailable
    hints = [error.hint for _, error in failures if error.hint]
    if len(plan.artefacts) > 1 and plan.record.format != "gguf":
        hints.append(
            f"copy the folder that `lathe models path {plan.name}` prints on another machine "
            f"to {plan.drop}, under its own name"
        )
    elif artefact.sha256:
        hints.append(
            f"copy {artefact.file} (SHA-256 {artefact.sha256[:12]}...) from another machine "
            f"to {plan.drop / artefact.file} and run the same command again"
        )
    return kind(
        f"{plan.name} could not be fetched: {reasons or 'no source knows it'}",
        hint="; or ".join(hints),
    )
