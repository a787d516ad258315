"""Files to rows and faults: the whole of what was given, read once, with nothing passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codelathe.core.errors import InputError
from codelathe.training.data.forms import Former
from codelathe.training.data.records import ROW_TOLD, read_records
from codelathe.training.data.rows import FORMS, Fault, FaultKind, Form, Row

#: Fewer rows than this are told of: too few to learn from and hold some out.
TINY = 16


@dataclass(frozen=True, slots=True)
class Loaded:
    """What files hold: the rows that can be used and every fault of the others, in order.

    `also` counts rows by a further form that they fit, `unread` the fields that are not read.
    """

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]
    also: Mapping[Form, int] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)

    @property
    def forms(self) -> dict[Form, int]:
        """How many usable rows have each form."""
        counts = Counter(row.form for row in self.rows)
        return {form: counts[form] for form in FORMS if counts[form]}

    @property
    def fault_counts(self) -> dict[FaultKind, int]:
        """How many faults there are of each kind, the most frequent first."""
        return dict(Counter(fault.kind for fault in self.faults).most_common())

    @property
    def notes(self) -> tuple[str, ...]:
        """What is no fault, but may not be what was meant."""
        notes = []
        forms = self.forms
        if len(forms) > 1:
            told = ", ".join(f"{form} {count:,}" for form, count in forms.items())
            notes.append(f"forms are mixed: {told}")
        for form, count in self.also.items():
            fit = "row also fits" if count == 1 else "rows also fit"
            notes.append(f"{count:,} {fit} the form {form}, which is not read")
        if self.unread:
            told = ", ".join(f"{name} ({count:,})" for name, count in self.unread.items())
            notes.append(f"fields that are not read: {told}")
        if 0 < len(self.rows) < TINY:
            few = f"{len(self.rows)} row{'' if len(self.rows) == 1 else 's'}"
            notes.append(f"{few} can be used: few to learn from, fewer to test on")
        return tuple(notes)


def load_rows(files: Sequence[Path], mapping: Mapping[str, str] | None = None) -> Loaded:
    """All rows of `files`, fields named as in `mapping` (ours to theirs).

    Raises:
        InputError: a file cannot be read, is empty, or is in no known format.
        MissingDependency: a Parquet file, and pyarrow is not installed.
    """
    former = Former(mapping)
    rows: list[Row] = []
    faults: list[Fault] = []
    also, unread = Counter[Form](), Counter[str]()
    for path in files:
        for record in read_records(path):
            found = record if isinstance(record, Fault) else former.read(*_at(record, path))
            if isinstance(found, Fault):
                faults.append(found)
                continue
            rows.append(found.row)
            also.update(found.others)
            unread.update(found.unread)
    return Loaded(tuple(rows), tuple(faults), dict(also), dict(unread.most_common()))


def _at(record: tuple[int, Any], path: Path) -> tuple[Any, str, int]:
    line, document = record
    return document, str(path), line


def require_rows(loaded: Loaded) -> None:
    """Refuse data of which nothing can be used.

    Raises:
        InputError: with the first faults.
    """
    if loaded.rows:
        return
    first = "; ".join(f"{f.source}, line {f.line} {f.message}" for f in loaded.faults[:3])
    more = f" (and {len(loaded.faults) - 3:,} more)" if len(loaded.faults) > 3 else ""
    raise InputError(
        f"no row can be used: {first or 'there is none'}{more}",
        hint=f"a row looks like {ROW_TOLD}; for other names: --map prompt=question,"
        "completion=answer",
        field="data",
    )
