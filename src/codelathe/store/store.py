"""The store: a reference goes in, files on this disk come out.

Once something is in place no network is asked for it again. What is not is fetched
under a lock, so that of two processes one fetches and the other finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from codelathe.core.errors import (
    ArtefactUnavailable,
    IntegrityError,
    ModelRefError,
    SourceUnreachable,
)
from codelathe.core.modelref import ModelRef
from codelathe.store.artefact import Artefact, HubFile, Source
from codelathe.store.catalogue import Catalogue, Entry, Format, load_catalogue
from codelathe.store.fetching import Fetcher, Plan
from codelathe.store.folders import Folders
from codelathe.store.folders import home as default_home
from codelathe.store.hub import HubSource
from codelathe.store.index import IndexSource
from codelathe.store.local import LocalSource
from codelathe.store.part import disk_errors
from codelathe.store.pins import Pins
from codelathe.store.progress import Progress, Silent
from codelathe.store.selection import DEFAULT_QUANT, is_quant, select
from codelathe.store.shelf import Record, Shelf, delete, size_of

_ENGINES: dict[Format, tuple[str, ...]] = {"gguf": ("llamacpp", "openvino")}


def engines_for(format_: Format) -> tuple[str, ...]:
    """The engines that read weights of this format."""
    return _ENGINES.get(format_, ("transformers",))


@dataclass(frozen=True, slots=True)
class LocalModel:
    """Weights on this disk. `path` is a file, or the folder of a checkpoint.

    `sha256` is empty for a path of the user's own, which is not hashed. `bytes` counts
    all files of it.
    """

    ref: str
    path: Path
    format: Format
    sha256: str
    bytes: int
    licence: str = "unknown"


@dataclass(frozen=True, slots=True)
class Listed:
    """A model that has a name or is in place. `damage` says what is wrong with its files."""

    name: str
    entry: Entry | None
    installed: LocalModel | None
    damage: str = ""


class Store:
    """Models and data sets under one home folder.

    `sources` are asked in order; the usual ones are `local`, `hub`, `index`.
    """

    def __init__(self, home: Path | None = None, sources: Sequence[Source] | None = None) -> None:
        self.home = home or default_home()
        self._folders = Folders(self.home)
        self._models = Shelf(self._folders.models)
        self._datasets = Shelf(self._folders.datasets)
        self._pins = Pins(self._folders.models / ".pins.json")
        drops = (self._folders.models, self._folders.datasets)
        self._sources = (
            (LocalSource(drops), HubSource(), IndexSource()) if sources is None else tuple(sources)
        )
        self._loaded: Catalogue | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The built-in catalogue with the user's own merged over it."""
        if self._loaded is None:
            self._loaded = load_catalogue(self._folders.catalogue)
        return self._loaded

    def locate(self, ref: ModelRef) -> LocalModel | None:
        """The model, if it is in place; never a network call.

        Raises:
            InputError: the reference names nothing that could be in place.
            IntegrityError: its files are not what they were.
        """
        if ref.scheme in ("path", "gguf"):
            return _at_path(ref, Path(ref.name).expanduser())
        entry, hub = self._resolve(ref)
        if entry is not None and entry.local:
            return _at_path(ref, self.home / Path(entry.local).expanduser())
        record = self._find(ref, entry, hub)
        if record is None:
            return None
        self._models.check(record)
        return self._local(ref, record)

    def obtain(
        self, ref: ModelRef, progress: Progress | None = None, *, repair: bool = False
    ) -> LocalModel:
        """The model, fetched where it is not in place; damaged files only with `repair`.

        Raises:
            InputError: the reference names nothing that could be fetched.
            StoreError: it could not be put in place.
        """
        progress = progress or Silent()
        found = self._usable(ref, repair=repair)
        if found is not None:
            return found
        slug = _slug(str(ref))
        with _locked(self._folders.models, slug, str(ref), progress):
            found = self._usable(ref, repair=repair)
            if found is not None:
                return found
            record = self._put(self._models, slug, self._plan(ref, progress), progress)
            hub = self._resolve(ref)[1]
            if hub is not None and not hub.revision:
                self._pins.remember(str(ref), record)
        return self._local(ref, record)

    def verify(self, ref: ModelRef) -> LocalModel:
        """Hash the files of a model in place again.

        Raises:
            ArtefactUnavailable: it is not in place.
            IntegrityError: its bytes have changed.
        """
        record = self._record(ref)
        if record is None:
            found = self.locate(ref)
            if found is None:
                raise not_installed(ref)
            return found
        self._models.verify(record)
        return self._local(ref, record)

    def removable(self, ref: ModelRef) -> int:
        """The bytes that `remove` would free.

        Raises:
            InputError: the reference is a path: files of the user's own are not removed.
            ArtefactUnavailable: there is nothing of it here.
        """
        if ref.scheme in ("path", "gguf"):
            raise ModelRefError(f"{ref} is a file of your own, and is left alone", field="model")
        record = self._record(ref)
        left = _unfinished(self._folders.models, _slug(str(ref)))
        if record is None and not left.exists():
            raise not_installed(ref)
        return size_of(left) + (size_of(self._models.folder(record)) if record else 0)

    def remove(self, ref: ModelRef) -> int:
        """Delete a model and what is left of unfinished fetches of it; the bytes freed.

        Raises:
            InputError, ArtefactUnavailable: as `removable`.
        """
        self.removable(ref)
        record = self._record(ref)
        freed = delete(_unfinished(self._folders.models, _slug(str(ref))))
        return freed + (self._models.remove(record) if record else 0)

    def models(self) -> tuple[Listed, ...]:
        """Everything in the catalogue, then what else is in place."""
        refs = [ModelRef("alias", name) for name in self.catalogue.models]
        listed = [self._listed(ref) for ref in refs]
        named = {record.id for ref in refs if (record := self._record(ref))}
        others = (record for record in self._models.records() if record.id not in named)
        return (*listed, *(self._unlisted(record) for record in others))

    def installed(self) -> tuple[Listed, ...]:
        """The models that are in place, whole or damaged."""
        return tuple(item for item in self.models() if item.installed or item.damage)

    def dataset(self, name: str, progress: Progress | None = None) -> Path:
        """The file of the data set `name`, fetched where it is not in place.

        Raises:
            UnknownName: it is not in the catalogue.
            StoreError: it could not be put in place.
        """
        progress = progress or Silent()
        entry = self.catalogue.dataset(name)
        artefact = entry.artefact
        if artefact is None:
            raise ModelRefError(f"the data set {name!r} has no file, bytes and sha256")
        with _locked(self._folders.datasets, entry.name, entry.name, progress):
            record = self._datasets.get(artefact.sha256)
            if record is not None:
                try:
                    self._datasets.check(record)
                except IntegrityError:
                    self._datasets.remove(record)  # small, and `models pull` does not name it
                    record = None
            if record is None:
                plan = self._pinned(entry, artefact, (entry.name,), self._folders.datasets)
                record = self._put(self._datasets, entry.name, plan, progress)
        return self._datasets.path(record)

    def _usable(self, ref: ModelRef, *, repair: bool) -> LocalModel | None:
        try:
            return self.locate(ref)
        except IntegrityError:
            record = self._record(ref)
            if not repair or record is None:
                raise
            self._models.remove(record)
            return None

    def _record(self, ref: ModelRef) -> Record | None:
        if ref.scheme in ("path", "gguf"):
            return None
        return self._find(ref, *self._resolve(ref))

    def _resolve(self, ref: ModelRef) -> tuple[Entry | None, HubFile | None]:
        """The catalogue's entry, and the repository of what is not pinned."""
        if ref.scheme == "alias":
            entry = self.catalogue.model(ref.name)
            return entry, entry.hub
        if ref.scheme == "hf":
            return None, HubFile(ref.name, ref.revision, ref.file)
        raise ModelRefError(
            f"{ref} is not a model that can be kept here",
            hint="an alias, a path or hf:OWNER/REPO can: lathe models list",
            field="model",
        )

    def _find(self, ref: ModelRef, entry: Entry | None, hub: HubFile | None) -> Record | None:
        if entry is not None and entry.artefact is not None:
            return self._models.get(entry.artefact.sha256)
        if hub is None:
            return None
        fitting = (r for r in self._models.records() if _answers(r, str(ref), hub))
        return max(fitting, key=lambda record: record.fetched, default=None)

    def _plan(self, ref: ModelRef, progress: Progress) -> Plan:
        entry, hub = self._resolve(ref)
        if entry is not None and entry.artefact is not None:
            return self._pinned(entry, entry.artefact, (str(ref),), self._folders.models)
        if hub is None:
            raise not_installed(ref)
        return self._as_found(ref, entry, hub, progress)

    def _pinned(self, entry: Entry, artefact: Artefact, names: tuple[str, ...], drop: Path) -> Plan:
        hub = artefact.hub
        record = Record(
            names, entry.format, entry.licence, (),
            repository=hub.repository if hub else "", revision=hub.revision if hub else "",
        )  # fmt: skip
        return Plan(record, (artefact,), drop)

    def _as_found(
        self, ref: ModelRef, entry: Entry | None, hub: HubFile, progress: Progress
    ) -> Plan:
        """Plan what the hub has now, or what it had when it was fetched the first time."""
        pin = None if hub.revision else self._pins.get(str(ref))
        source = next((s for s in self._sources if isinstance(s, HubSource)), None)
        try:
            if source is None:
                raise SourceUnreachable("not among the sources")
            found = source.repository(hub.repository, pin.revision if pin else hub.revision)
        except SourceUnreachable as error:
            raise _not_found(ref, hub, error, pinned=pin is not None) from None
        chosen = select(hub.repository, (file.name for file in found.files), hub.file)
        listing = {file.name: file for file in found.files}
        progress.note(
            f"{hub.repository} is not pinned in the catalogue: "
            + ("taking the commit fetched before, " if pin else "trusting the hub, pinning commit ")
            + found.commit[:12]
        )
        artefacts = tuple(
            Artefact(
                name,
                listing[name].bytes,
                (pin.sha256(name) if pin else "") or listing[name].sha256,
                HubFile(hub.repository, found.commit, name),
            )
            for name in chosen.files
        )
        licence = entry.licence if entry else found.licence
        record = Record(
            (str(ref),), chosen.format, licence, (),
            repository=hub.repository, revision=found.commit,
        )  # fmt: skip
        return Plan(record, artefacts, self._folders.models)

    def _put(self, shelf: Shelf, slug: str, plan: Plan, progress: Progress) -> Record:
        folder = _unfinished(shelf.root, slug)
        ready, record = Fetcher(self._sources, folder).fetch(plan, progress)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        installed = shelf.install(ready, replace(record, fetched=now))
        delete(folder)
        return installed

    def _local(self, ref: ModelRef | str, record: Record) -> LocalModel:
        path = self._models.path(record)
        return LocalModel(str(ref), path, record.format, record.id, record.bytes, record.licence)

    def _listed(self, ref: ModelRef) -> Listed:
        entry = self.catalogue.model(ref.name)
        try:
            return Listed(entry.name, entry, self.locate(ref))
        except (IntegrityError, ModelRefError) as error:
            return Listed(entry.name, entry, None, error.message)

    def _unlisted(self, record: Record) -> Listed:
        name = record.names[0]
        try:
            self._models.check(record)
        except IntegrityError as error:
            return Listed(name, None, None, error.message)
        return Listed(name, None, self._local(name, record))


def not_installed(ref: ModelRef) -> ArtefactUnavailable:
    """The error of a model that is not in place."""
    return ArtefactUnavailable(f"{ref} is not installed", hint=f"lathe models pull {ref}")


def _not_found(
    ref: ModelRef, hub: HubFile, error: SourceUnreachable, *, pinned: bool
) -> ArtefactUnavailable:
    """The hub could not be asked what a reference stands for."""
    hints = [error.hint] if error.hint else []
    if pinned:
        now = ModelRef("hf", hub.repository, "main", hub.file)
        hints.append(f"the commit fetched before may be gone; what is there now: {now}")
    hints.append(
        f"or download {hub.repository} on a machine with a network, copy the .gguf file (or "
        "the folder) here and name it by its path"
    )
    return ArtefactUnavailable(
        f"{ref} could not be fetched: hub: {error.message}", hint="; ".join(hints)
    )


def _answers(record: Record, name: str, hub: HubFile) -> bool:
    """Whether what is in place is what the reference would fetch."""
    if hub.revision and record.revision != hub.revision:
        return name in record.names
    if name in record.names:
        return True
    if record.repository.lower() != hub.repository.lower():
        return False
    if record.format != "gguf":
        return not hub.file
    first = record.files[0].name
    wanted = hub.file or DEFAULT_QUANT
    return first == wanted or is_quant(first.removesuffix(".gguf"), wanted)


def _at_path(ref: ModelRef, path: Path) -> LocalModel:
    if path.is_dir():
        names = [p.relative_to(path).as_posix() for p in path.iterdir() if p.is_file()]
        chosen = select(str(path), names)
        size = sum((path / name).stat().st_size for name in chosen.files)
        opened = path / chosen.files[0] if chosen.format == "gguf" else path
        return LocalModel(str(ref), opened, chosen.format, "", size)
    if not path.is_file():
        hub = f"; on the hub: hf:{ref.name}" if re.fullmatch(r"[\w.-]+/[\w.-]+", ref.name) else ""
        raise ModelRefError(
            f"there is no file or folder {path}", hint=f"lathe models list{hub}", field="model"
        )
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise ModelRefError(
            f"{path} is not a GGUF file: it does not start with 'GGUF'",
            hint="name a .gguf file, or the folder of a checkpoint",
            field="model",
        )
    return LocalModel(str(ref), path, "gguf", "", path.stat().st_size)


def _slug(name: str) -> str:
    """`name` as one file name; different references have different ones."""
    return quote(name, safe="@+")


def _unfinished(root: Path, slug: str) -> Path:
    return root / ".unfinished" / slug


@contextmanager
def _locked(root: Path, slug: str, name: str, progress: Progress) -> Iterator[None]:
    """Hold the lock of `slug`; says so once where another process holds it."""
    from filelock import FileLock, Timeout

    path = root / ".unfinished" / f"{slug}.lock"
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.note(f"another process is fetching {name}; waiting for it")
            lock.acquire(poll_interval=0.2)
    try:
        yield
    finally:
        lock.release()
