"""Runs as they are carried in a page: problems, answers and verdicts, cut to a bearable size."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codelathe.core.errors import LatheError
from codelathe.evaluation.rows import Row
from codelathe.evaluation.runs import Run, open_run
from codelathe.evaluation.transcript import Written

MOST_OF_TEXT = 8_000
"""Characters of one prompt or answer."""
MOST_OF_RUN = 4_000_000
MOST_OF_PAGE = 24_000_000
MOST_ROWS = 20_000
_TEXTS = ("completion", "solution", "explanation")


@dataclass(slots=True)
class Room:
    """The characters that are left in a page."""

    left: int = MOST_OF_PAGE

    def run(self, folder: Path) -> dict[str, Any] | None:
        """The run in `folder` as a page has it, None where it cannot be read.

        Once a run has no more room, its rows have a verdict and no texts: `bare` counts them;
        rows that are not there at all are counted by `gone`.
        """
        try:
            return self._packed(open_run(folder))
        except (LatheError, OSError, ValueError):
            return None

    def _packed(self, run: Run) -> dict[str, Any]:
        tasks: dict[str, dict[str, Any]] = {}
        here = min(self.left, MOST_OF_RUN)
        bare = count = 0
        for written, row in zip(run.completions(), run.rows(), strict=True):
            count += 1
            if count > MOST_ROWS:
                continue
            task = tasks.setdefault(row.task_id, {"id": row.task_id, "prompt": "", "samples": []})
            texts, size = _texts(written, row)
            if size > here:
                texts, size = {}, 0
                bare += 1
            elif prompt := texts.pop("prompt", ""):
                task["prompt"] = prompt
            here -= size
            self.left -= size
            task["samples"].append(_verdict(row) | texts)
        return {"tasks": list(tasks.values()), "bare": bare, "gone": max(0, count - MOST_ROWS)}


def _texts(written: Written, row: Row) -> tuple[dict[str, Any], int]:
    """What was asked, answered and found, each text cut to its measure, and the size of it all."""
    found: dict[str, Any] = {}
    for name in ("prompt", *_TEXTS):
        text = getattr(written, name)
        if len(text) > MOST_OF_TEXT:
            text, found["cut"] = text[:MOST_OF_TEXT], True
        if text:
            found[name] = text
    outcome = row.outcome
    if outcome.call is not None:
        found["call"] = asdict(outcome.call)
    elif outcome.detail:
        found["detail"] = outcome.detail
    size = len(json.dumps(found))
    found["tokens"], found["ended"] = written.completion_tokens, written.finish_reason
    return found, size


def _verdict(row: Row) -> dict[str, Any]:
    outcome = row.outcome
    found: dict[str, Any] = {"status": str(outcome.status), "seconds": outcome.seconds}
    for name in ("flaky", "starved"):
        if getattr(outcome, name):
            found[name] = True
    return found
