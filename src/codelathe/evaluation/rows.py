"""Rows: what came of each sample, as a line of a verdicts file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from codelathe.core.judging import Status, Verdict

_SHOWN = 120
_DETAIL = 400
_CALL = 1000


class Again(StrEnum):
    """Why a sample is run again when all others are done."""

    REPEAT = "repeat"
    """It may answer differently each time."""
    ALONE = "alone"
    """It hardly got to run, or the sandbox failed under it: again with nothing beside."""


@dataclass(frozen=True, slots=True)
class Call:
    """The call that a program failed at: what went in, what had to come back, what did."""

    input: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one program.

    `tests` has the status of each hidden test where there are several; `status` is then the
    first that is no pass. `flaky`: run again, the same program came to another status.
    `starved`: a timeout in which the program hardly got to run, because the machine was busy.
    """

    status: Status
    detail: str = ""
    seconds: float = 0.0
    tests: tuple[Status, ...] = ()
    flaky: bool = False
    starved: bool = False
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a verdicts file. `again` stands there until the sample was run again."""

    task_id: str
    sample: int
    outcome: Outcome
    again: Again | None = None


def outcome(verdicts: Sequence[Verdict]) -> Outcome:
    """The verdicts on a program's hidden tests as one."""
    worst = next((v for v in verdicts if v.status is not Status.PASSED), None)
    return Outcome(
        status=Status.PASSED if worst is None else worst.status,
        detail="" if worst is None else _detail(worst),
        seconds=round(sum(v.seconds for v in verdicts), 4),
        tests=tuple(v.status for v in verdicts) if len(verdicts) > 1 else (),
        flaky=any(v.flaky for v in verdicts),
        starved=any(v.starved for v in verdicts),
        call=None if worst is None else _call(worst),
    )


def _call(verdict: Verdict) -> Call | None:
    if verdict.status is not Status.FAILED or verdict.got is None:
        return None
    return Call(*(_short(t, _CALL) for t in (verdict.input, verdict.expected, verdict.got)))


def _detail(verdict: Verdict) -> str:
    """What went wrong, in one line; of a call that failed, with what was expected and got."""
    parts = [verdict.detail]
    if verdict.status is Status.FAILED and verdict.got is not None:
        parts.append(f"input {_short(verdict.input)}")
        parts.append(f"expected {_short(verdict.expected)}, got {_short(verdict.got)}")
    return " ".join("; ".join(filter(None, parts)).split())[:_DETAIL]


def _short(text: str, length: int = _SHOWN) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def row_document(row: Row, tests: Sequence[str]) -> dict[str, Any]:
    """A row as it stands in a verdicts file; `tests` names a benchmark's hidden tests."""
    found = row.outcome
    document: dict[str, Any] = {
        "task_id": row.task_id,
        "sample": row.sample,
        "status": str(found.status),
        "detail": found.detail,
        "seconds": found.seconds,
    }
    if len(tests) > 1:  # else the status above is that of the one, and of the examples before it
        for name, status in zip(tests, found.tests, strict=False):
            document[f"{name}_status"] = str(status)
    if found.call is not None:
        document["call"] = asdict(found.call)
    if found.flaky:
        document["flaky"] = True
    if found.starved:
        document["starved"] = True
    if row.again is not None:
        document["again"] = str(row.again)
    return document


def row_line(row: Row, tests: Sequence[str]) -> bytes:
    """A row as a line, ASCII throughout: a detail may hold half a surrogate pair."""
    return json.dumps(row_document(row, tests)).encode("ascii") + b"\n"


def _parsed_call(document: Any) -> Call:
    call = Call(**document)
    if not all(isinstance(text, str) for text in (call.input, call.expected, call.got)):
        raise TypeError("a call that is no text")
    return call


def _parsed_seconds(value: Any) -> float:
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError(f"no row of verdicts: {value!r:.60} seconds")
    return seconds


def parse_row(document: Any, tests: Sequence[str]) -> Row:
    """The row that `row_document` wrote.

    Raises:
        ValueError: it is none.
    """
    try:
        found = Outcome(
            status=Status(document["status"]),
            detail=str(document["detail"]),
            seconds=_parsed_seconds(document["seconds"]),
            tests=tuple(Status(document[f"{name}_status"]) for name in tests)
            if len(tests) > 1
            else (),
            flaky=document.get("flaky") is True,
            starved=document.get("starved") is True,
            call=_parsed_call(document["call"]) if "call" in document else None,
        )
        again = document.get("again")
        return Row(
            str(document["task_id"]),
            int(document["sample"]),
            found,
            None if again is None else Again(again),
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"no row of verdicts: {type(error).__name__} {error}") from None
