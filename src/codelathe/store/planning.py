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
from codelathe.store.selection import DEFAULT_QUANT, is_quant, select
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
        how = "taking the commit fetched before" if pin else "trusting the hub, pinning the commit"
        progress.note(f"{ref} is not pinned in the catalogue: {how}, {found.commit[:12]}")
        record = Record(
            names=(str(ref),),
            format=chosen.format,
            licence=entry.licence if entry else found.licence,
            repository=hub.repository,
            revision=found.commit,
        )
        listed = {file.name: file for file in found.files}
        artefacts = tuple(
            Artefact(
                name,
                listed[name].bytes,
                (pin.sha256(name) if pin else "") or listed[name].sha256,
                HubFile(hub.repository, found.commit, name),
            )
            for name in chosen.files
        )
        return Plan(record, artefacts, self._drop, pin=not hub.revision)

    def _ask(self, ref: ModelRef, hub: HubFile, pin: Pin | None) -> Repository:
        try:
            if self._hub is None:
                raise SourceUnreachable("not among the sources")
            return self._hub.repository(hub.repository, pin.revision if pin else hub.revision)
        except SourceUnreachable as error:
            hints = [error.hint] if error.hint else []
            if pin is not None:
                now = ModelRef("hf", hub.repository, "main", hub.file)
                hints.append(f"if the commit fetched before is gone, take what is there now: {now}")
            hints.append(
                f"download {hub.repository} on a machine with a network, copy the .gguf file "
                "(or the folder) here and name it by its path"
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
