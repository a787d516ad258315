"""What a gate leaves in a result's folder, so that everybody who opens it knows what came of it.

`gate.json` has all of it: both parts with their statistics, the attempts, where the runs are.
`lathe.json` gets the outcome and the scores in short, and the card (`README.md`) the same as a
section. In the folder `gate` are the runs of the result and its attempts, the adapters of the
attempts, and `frontier.png`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codelathe import __version__
from codelathe.core.errors import LatheError
from codelathe.core.lineage import add_details
from codelathe.evaluation.files import read_object, replace_file, writing
from codelathe.evaluation.frontier import Frontier, frontier_document
from codelathe.evaluation.gate import LEVEL, Judged, Outcome, Shift, judged_document

GATE, FOLDER, PLOT, CARD = "gate.json", "gate", "frontier.png", "README.md"
_BEGIN, _END = "<!-- gate: written by lathe -->", "<!-- end of gate -->"
_SECTION = re.compile(rf"\n*{re.escape(_BEGIN)}.*?{re.escape(_END)}\n*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Gated:
    """A result that went through the gate. `frontier` is there where it was refused.

    `before` is the model it was held against, `settings` what was asked.
    """

    folder: Path
    before: str
    settings: Mapping[str, Any]
    judged: Judged
    frontier: Frontier | None = None

    @property
    def outcome(self) -> Outcome:
        """Of the result itself, whatever its attempts came to."""
        return self.judged.outcome


def gated_document(gated: Gated) -> dict[str, Any]:
    """All of it, as `gate.json` has it and `--json` prints it."""
    return {
        **judged_document(gated.judged),
        "before": gated.before,
        "level": LEVEL,
        "settings": dict(gated.settings),
        "frontier": None if gated.frontier is None else frontier_document(gated.frontier),
        "codelathe": __version__,
    }


def read_settings(folder: Path) -> dict[str, Any]:
    """What the last gate of the result in `folder` was asked, empty where there was none."""
    found = read_object(folder / GATE).get("settings")
    return found if isinstance(found, dict) else {}


def mark(gated: Gated) -> None:
    """Write the files; those of the attempt that may be used instead too.

    Raises:
        DiskFull: there is no room.
        LatheError: a file cannot be written.
    """
    _mark(gated.folder, gated.judged, gated_document(gated))
    best = gated.frontier.best if gated.frontier else None
    if best is not None:
        document = {**gated_document(replace(gated, judged=best.judged, frontier=None))}
        _mark(Path(best.attempt.model.partition(":")[2]), best.judged, document)


def _mark(folder: Path, judged: Judged, document: Mapping[str, Any]) -> None:
    replace_file(folder / GATE, json.dumps(document, indent=2).encode("ascii") + b"\n")
    try:
        lineage = add_details(folder, {"gate": _short(judged)})
    except OSError as error:
        raise LatheError(f"cannot mark {folder}: {error.strerror}") from None
    scale = None if lineage is None else lineage.details.get("scale")
    _write_card(folder / CARD, judged, scale)


def _short(judged: Judged) -> dict[str, Any]:
    scores: dict[str, Any] = {
        shift.part: {
            "benchmark": shift.benchmark,
            "problems": shift.problems,
            "before": shift.before.value,
            "after": shift.after.value,
        }
        for shift in judged.shifts
    }
    return {"outcome": str(judged.outcome), **scores}


def _write_card(path: Path, judged: Judged, scale: float | None) -> None:
    """The card with the gate's section, in place of the one that an earlier gate wrote."""
    with writing(path):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    text = _SECTION.sub("\n", text).rstrip("\n")
    replace_file(path, f"{text}\n\n{_card(judged, scale)}".lstrip("\n").encode())


def _card(judged: Judged, scale: float | None) -> str:
    weaker = "" if scale is None else f"This is the adapter above at {scale:g} of its scale.\n\n"
    rows = "".join(map(_card_row, judged.shifts))
    return (
        f"{_BEGIN}\n## Gate: {judged.outcome}\n\n"
        f"{weaker}The same problems asked of the model before and after, judged by running the "
        "code.\n\n"
        "| problems | | before | after | change, 95% |\n|---|---|---|---|---|\n"
        f"{rows}{_END}\n"
    )


def _card_row(shift: Shift) -> str:
    low, high = (f"{edge * 100:+.1f}" for edge in shift.interval)
    return (
        f"| {shift.part}: {shift.benchmark} | {shift.problems} | {shift.before.value:.1%} "
        f"| {shift.after.value:.1%} | {shift.change * 100:+.1f} ({low} to {high}) |\n"
    )
