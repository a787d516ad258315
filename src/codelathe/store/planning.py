"""What has to be fetched for a name, and what in place answers to it.

A pinned entry is planned from the catalogue alone. Of a repository the hub is asked
what it has; the answer is trusted the first time, and pinned from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codelathe.core.errors import ArtefactUnavailable, SourceUnreachable
from codelathe.core.modelref import ModelRef
from codelathe.store.artefact import Artefact, HubFile, Source
from codelathe.store.catalogue import Entry
from codelathe.store.hub import HubSource, Repository
from codelathe.store.pins import Pin, Pins
from codelathe.store.progress import Progress
from codelathe.store.selection import DEFAULT_QUANT, Selection, is_quant, select, select_data
from codelathe.store.shelf import Record


@dataclass(frozen=True, slots=True)
class Plan:
    """The files to fetch, and the record they will have.

    `drop` is where a copied file is looked for; `pin` asks to remember what came.
    """

    record: Record
    artefacts: tuple[Artefact, ...]
    drop: Path
    pin: bool = False

    @property
    def name(self) -> str:
        """The reference."""
        return self.record.names[0]

    @property
    def bytes(self) -> int:
        """How much there is to fetch in all."""
        return sum(artefact.bytes or 0 for artefact in self.artefacts)


def plan_pinned(name: str, entry: Entry, drop: Path) -> Plan:
    """The plan for an entry of whose files the catalogue knows size and hash."""
    hub = entry.artefacts[0].hub or HubFile("")
    record = Record(
        names=(name,),
        format=entry.format,
        licence=entry.licence,
        repository=hub.repository,
        revision=hub.revision,
    )
    return Plan(record, entry.artefacts, drop)


class RepositoryPlanner:
    """Plans what a repository has, asking the hub among `sources`."""

    def __init__(self, sources: Sequence[Source], pins: Pins, drop: Path) -> None:
        self._hub = next((s for s in sources if isinstance(s, HubSource)), None)
        self._pins = pins
        self._drop = drop

    def plan(self, ref: ModelRef, entry: Entry | None, hub: HubFile, progress: Progress) -> Plan:
        """The plan for `ref`, which stands for files of the repository `hub`.

        Raises:
            ArtefactUnavailable: the hub cannot be asked, or refuses.
            InputError: it is not clear which of the files are meant.
        """
        pin = None if hub.revision else self._pins.get(str(ref))
        found = self._ask(ref, hub, pin)
        chosen = select(hub.repository, (file.name for file in found.files), hub.file)
        licence = entry.licence if entry else found.licence
        return self._planned(str(ref), hub, (found, pin), (chosen, licence), progress)

    def plan_data(self, name: str, ref: ModelRef, progress: Progress) -> Plan:
        """The plan for `name`, the data files of the hub's data set `ref`.

        Raises:
            ArtefactUnavailable: the hub cannot be asked, or refuses.
            InputError: it is not clear which of the files are meant.
        """
        hub = HubFile(ref.name, ref.revision, ref.file, dataset=True)
        pin = None if hub.revision else self._pins.get(name)
        found = self._ask(ref, hub, pin)
        files = select_data(hub.repository, (file.name for file in found.files), hub.file)
        chosen = Selection("unknown", files)
        return self._planned(name, hub, (found, pin), (chosen, found.licence), progress)

    def _planned(
        self,
        name: str,
        hub: HubFile,
        listed: tuple[Repository, Pin | None],
        chosen: tuple[Selection, str],
        progress: Progress,
    ) -> Plan:
        (found, pin), (selection, licence) = listed, chosen
        how = "taking the commit fetched before" if pin else "trusting the hub, pinning the commit"
        progress.note(f"{name} is not pinned in the catalogue: {how}, {found.commit[:12]}")
        record = Record(
            names=(name,),
            format=selection.format,
            licence=licence,
            repository=hub.repository,
            revision=found.commit,
        )
        files = {file.name: file for file in found.files}
        artefacts = tuple(
            Artefact(
                file,
                files[file].bytes,
                (pin.sha256(file) if pin else "") or files[file].sha256,
                HubFile(hub.repository, found.commit, file, hub.dataset),
            )
            for file in selection.files
        )
        return Plan(record, artefacts, self._drop, pin=not hub.revision)

    def _ask(self, ref: ModelRef, hub: HubFile, pin: Pin | None) -> Repository:
        try:
            if self._hub is None:
                raise SourceUnreachable("not among the sources")
            revision = pin.revision if pin else hub.revision
            return self._hub.repository(hub.repository, revision, dataset=hub.dataset)
        except SourceUnreachable as error:
            hints = [error.hint] if error.hint else []
            if pin is not None:
                now = ModelRef("hf", hub.repository, "main", hub.file)
                hints.append(f"if the commit fetched before is gone, take what is there now: {now}")
            what = "its data files" if hub.dataset else "the .gguf file (or the folder)"
            hints.append(
                f"download {hub.repository} on a machine with a network, copy {what} here and "
                "name it by its path"
            )
            raise ArtefactUnavailable(
                f"{ref} could not be fetched: hub: {error.message}", hint="; or ".join(hints)
            ) from None


def answers(record: Record, ref: ModelRef, hub: HubFile) -> bool:
    """Whether what is in place is what `ref` would fetch from the repository `hub`."""
    if str(ref) in record.names:
        return True
    if record.repository.lower() != hub.repository.lower():
        return False
    if hub.revision and record.revision != hub.revision:
        return False
    if record.format != "gguf":
        return not hub.file
    first = record.files[0].name
    wanted = hub.file or DEFAULT_QUANT
    return first == wanted or is_quant(first.removesuffix(".gguf"), wanted)
