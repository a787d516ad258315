"""What is asked of a build, and what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["write", "document", "fill", "edit"]
KINDS: tuple[Kind, ...] = ("write", "document", "fill", "edit")


class LeftOut(Exception):
    """A file, function or commit that gives no rows. `reason` is what it is counted under."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How rows are made.

    `licences` are the SPDX names that are let in; empty lets all in. A row with a secret in
    it is dropped, or kept with the secret masked. `commits` is how many of the newest commits
    are looked at for edits, `spans` how many spans are cut for each 100 lines.
    """

    kinds: tuple[Kind, ...] = KINDS
    licences: tuple[str, ...] = ()
    secrets: Literal["drop", "mask"] = "drop"
    emails: Literal["mask", "keep"] = "mask"
    commits: int = 1000
    spans: int = 4
    seed: int = 0


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """Where a secret was seen first. The secret itself is kept nowhere."""

    kind: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Built:
    """What a build has written, and what it left out and why.

    `rows` counts by kind, `languages` and `licences` the files that were read, `left_out`
    the files that were not by reason, `commits_left_out` the commits. `dropped` rows held a
    secret, `masked` ones hold its mask. `commit` is empty where there was no git. `proved` and
    `failed` count functions; `proved` is None where no proof was asked for.
    """

    folder: str
    out: str
    commit: str
    options: BuildOptions
    rows: Mapping[str, int]
    files: int
    read: int
    languages: Mapping[str, int]
    licences: Mapping[str, int]
    left_out: Mapping[str, int]
    commits: int
    commits_left_out: Mapping[str, int]
    duplicates: int
    secrets: tuple[SecretPlace, ...]
    dropped: int
    masked: int
    sha256: str
    proved: int | None = None
    failed: int = 0
    notes: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """The whole as plain JSON values. Of secrets there is the kind and place, no more."""
        kinds = sorted({place.kind for place in self.secrets})
        return {
            "repository": self.folder,
            "commit": self.commit or None,
            "out": self.out,
            "sha256": self.sha256,
            "rows": sum(self.rows.values()),
            "kinds": dict(self.rows),
            "files": {
                "seen": self.files,
                "read": self.read,
                "languages": dict(self.languages),
                "left_out": dict(self.left_out),
            },
            "licences": dict(self.licences),
            "commits": {"seen": self.commits, "left_out": dict(self.commits_left_out)},
            "duplicates": self.duplicates,
            "secrets": {
                "found": len(self.secrets),
                "kinds": {k: sum(place.kind == k for place in self.secrets) for k in kinds},
                "rows_dropped": self.dropped,
                "rows_masked": self.masked,
                "places": [{"kind": p.kind, "file": p.file, "line": p.line} for p in self.secrets],
            },
            "proved": None
            if self.proved is None
            else {"functions": self.proved, "failed": self.failed},
            "seed": self.options.seed,
            "notes": list(self.notes),
        }
