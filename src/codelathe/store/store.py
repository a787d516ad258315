"""The store: a reference goes in, files on this disk come out.

Once something is in place no network is asked for it again. What is not is fetched
under a lock, so that of two processes one fetches and the other finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from codelathe.core.errors import ArtefactUnavailable, IntegrityError, ModelRefError
from codelathe.core.modelref import ModelRef
from codelathe.store.artefact import HubFile, Source
from codelathe.store.catalogue import Catalogue, Entry, load_catalogue
from codelathe.store.fetching import Fetcher
from codelathe.store.folders import Folders, expanded
from codelathe.store.folders import home as default_home
from codelathe.store.hub import HubSource
from codelathe.store.index import IndexSource
from codelathe.store.local import LocalSource
from codelathe.store.locking import locked
from codelathe.store.model import LocalModel, own_model
from codelathe.store.pins import Pins
from codelathe.store.planning import Plan, RepositoryPlanner, answers, plan_pinned
from codelathe.store.progress import Progress, Silent
from codelathe.store.shelf import Record, Shelf, delete, size_of

#: Of a folder's name: file systems take no more than 255 bytes, suffixes included.
_LONGEST = 150


@dataclass(frozen=True, slots=True)
class Listed:
    """A model that has a name or is in place. `damage` says what is wrong with its files."""

    name: str
    entry: Entry | None
    installed: LocalModel | None
    damage: str = ""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Something to have in place: on which shelf, and how it is found and planned."""

    shelf: Shelf
    name: str
    find: Callable[[], Record | None]
    plan: Callable[[Progress], Plan]

    def sound(self, *, repair: bool) -> Record | None:
        """What is in place, if its files are what they were; damage is None with `repair`."""
        record = self.find()
        if record is None:
            return None
        try:
            self.shelf.check(record)
        except IntegrityError:
            if not repair:
                raise
            return None
        return record


class Store:
    """Models and data sets under one home folder.

    `sources` are asked in order; the usual ones are `local`, `hub`, `index`.
    """

    def __init__(self, home: Path | None = None, sources: Sequence[Source] | None = None) -> None:
        self.home = home or default_home()
        self._folders = Folders(self.home)
        drops = (self._folders.models, self._folders.datasets)
        if sources is None:
            sources = (LocalSource(drops), HubSource(), IndexSource())
        self._sources = tuple(sources)
        self._models = Shelf(self._folders.models)
        self._datasets = Shelf(self._folders.datasets)
        self._pins = Pins(self._folders.models / ".pins.json")
        self._repositories = RepositoryPlanner(self._sources, self._pins, self._folders.models)
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
        own = self._own(ref)
        if own is not None:
            return own_model(ref, own)
        record = self._record(ref)
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
        own = self._own(ref)
        if own is not None:
            return own_model(ref, own)
        wanted = _Wanted(
            self._models, str(ref), lambda: self._record(ref), lambda heard: self._plan(ref, heard)
        )
        return self._local(ref, self._ensure(wanted, progress or Silent(), repair=repair))

    def verify(self, ref: ModelRef) -> LocalModel:
        """Hash the files of a model in place again.

        Raises:
            InputError: a file of the user's own, whose hash nobody knows.
            ArtefactUnavailable: it is not in place.
            IntegrityError: its bytes have changed.
        """
        record = self._kept(ref, "there is no hash to compare it with")
        if record is None:
            raise not_installed(ref)
        self._models.verify(record)
        return self._local(ref, record)

    def removable(self, ref: ModelRef) -> int:
        """The bytes that `remove` would free.

        Raises:
            InputError: a file of the user's own, which is never removed.
            ArtefactUnavailable: there is nothing of it here.
        """
        record = self._kept(ref, "it is left alone")
        unfinished = _unfinished(self._models, str(ref))
        if record is None and not unfinished.exists():
            raise not_installed(ref)
        return size_of(unfinished) + (size_of(self._models.folder(record)) if record else 0)

    def remove(self, ref: ModelRef) -> int:
        """Delete a model and what is left of unfinished fetches of it; the bytes freed.

        Raises:
            InputError, ArtefactUnavailable: as `removable`.
        """
        self.removable(ref)
        record = self._record(ref)
        freed = delete(_unfinished(self._models, str(ref)))
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
        """The file of the data set `name`, fetched where it is not in place or damaged.

        Raises:
            UnknownName: it is not in the catalogue.
            StoreError: it could not be put in place.
        """
        entry = self.catalogue.dataset(name)
        wanted = _Wanted(
            self._datasets,
            entry.name,
            lambda: self._datasets.get(entry.id),
            lambda _: plan_pinned(entry.name, entry, self._folders.datasets),
        )
        record = self._ensure(wanted, progress or Silent(), repair=True)
        return self._datasets.path(record)

    def data_files(self, ref: ModelRef, progress: Progress | None = None) -> tuple[Path, ...]:
        """The files of one part of the hub's data set `ref`, fetched where they are not in place.

        Without a file named in `ref` it is the training part.

        Raises:
            InputError: it is not clear which files are meant.
            StoreError: they could not be put in place.
        """
        name = f"datasets/{ref}"
        planner = RepositoryPlanner(self._sources, self._pins, self._folders.datasets)

        def find() -> Record | None:
            named = (record for record in self._datasets.records() if name in record.names)
            return max(named, key=lambda record: record.fetched, default=None)

        wanted = _Wanted(
            self._datasets, name, find, lambda heard: planner.plan_data(name, ref, heard)
        )
        record = self._ensure(wanted, progress or Silent(), repair=True)
        return tuple(self._datasets.folder(record) / kept.name for kept in record.files)

    def _ensure(self, wanted: _Wanted, progress: Progress, *, repair: bool) -> Record:
        """The record of what is wanted, fetched under a lock where it is not in place."""
        record = wanted.sound(repair=repair)
        if record is not None:
            return record
        folder = _unfinished(wanted.shelf, wanted.name)
        with locked(folder.with_name(f"{folder.name}.lock"), wanted.name, progress):
            record = wanted.sound(repair=repair)
            if record is not None:
                return record
            if damaged := wanted.find():
                wanted.shelf.remove(damaged)
            plan = wanted.plan(progress)
            ready, fetched = Fetcher(self._sources, folder).fetch(plan, progress)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            record = wanted.shelf.install(ready, replace(fetched, fetched=now))
            delete(folder)
            if plan.pin:
                self._pins.remember(wanted.name, record)
        return record

    def _own(self, ref: ModelRef) -> Path | None:
        """The path of the user's own that the reference is, or stands for."""
        if ref.scheme in ("path", "gguf"):
            return expanded(ref.name)
        if ref.scheme == "alias" and (local := self.catalogue.model(ref.name).local):
            return self.home / expanded(local)
        return None

    def _kept(self, ref: ModelRef, consequence: str) -> Record | None:
        if self._own(ref) is not None:
            raise ModelRefError(f"{ref} is a file of your own: {consequence}", field="model")
        return self._record(ref)

    def _record(self, ref: ModelRef) -> Record | None:
        """What is in place for `ref`, not checked."""
        if self._own(ref) is not None:
            return None
        entry, hub = self._resolve(ref)
        if entry is not None and entry.artefacts:
            return self._models.get(entry.id)
        if hub is None:
            return None
        fitting = (record for record in self._models.records() if answers(record, ref, hub))
        return max(fitting, key=lambda record: record.fetched, default=None)

    def _resolve(self, ref: ModelRef) -> tuple[Entry | None, HubFile | None]:
        """The catalogue's entry, and the repository of what the catalogue does not pin."""
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

    def _plan(self, ref: ModelRef, progress: Progress) -> Plan:
        entry, hub = self._resolve(ref)
        if entry is not None and entry.artefacts:
            return plan_pinned(str(ref), entry, self._folders.models)
        assert hub is not None, "an entry is pinned, or a repository, or the user's own"
        return self._repositories.plan(ref, entry, hub, progress)

    def _local(self, ref: ModelRef | str, record: Record) -> LocalModel:
        path = self._models.path(record)
        entry = self.catalogue.models.get(str(ref))
        return LocalModel(
            str(ref), path, record.format, record.id, record.bytes, record.licence,
            entry.type if entry else "unknown",
        )  # fmt: skip

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


def _unfinished(shelf: Shelf, name: str) -> Path:
    """The folder of an unfinished fetch; different names have different ones."""
    folder = quote(name, safe="@+")
    if len(folder) > _LONGEST:
        folder = f"{folder[:_LONGEST]}-{sha256(name.encode()).hexdigest()[:16]}"
    return shelf.root / ".unfinished" / folder
