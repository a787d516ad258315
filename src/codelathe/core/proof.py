"""What was shown: Proof and Solution.

A proof can be replayed: its `hash` is the SHA-256 of everything that decides the
outcome (code, language, entry point, examples, limits, judge) and of the outcome
itself, in canonical JSON. Isolation and interpreter are recorded beside it, since
another machine with another tier must come to the same verdicts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codelathe.core.judging import Case, Isolation, Status, Verdict


@dataclass(frozen=True, slots=True)
class Proof:
    """What was run, against what, under which limits, and what came of it.

    `level` says what the verdicts rest on: `examples` (the problem's own examples)
    or `none` (there was nothing to run against, or no judge for the language).
    """

    proved: bool
    passed: int
    total: int
    level: str
    isolation: str
    judge: str
    hash: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Solution:
    """A candidate with its proof: the code handed back, and why it may be trusted."""

    case: Case
    verdicts: tuple[Verdict, ...]
    proof: Proof


def prove(case: Case, verdicts: Sequence[Verdict], judge: str, isolation: Isolation) -> Proof:
    """The proof that `verdicts` are for `case`. Proved means: there were examples, all passed."""
    passed = sum(v.status is Status.PASSED for v in verdicts)
    return Proof(
        proved=bool(case.examples) and passed == len(case.examples) == len(verdicts),
        passed=passed,
        total=len(case.examples),
        level="examples" if case.examples else "none",
        isolation=isolation.tier,
        judge=judge,
        hash=digest(case, [v.status for v in verdicts], judge),
        missing=isolation.missing,
    )


def unproved(case: Case) -> Proof:
    """The proof of a candidate that nothing was run for."""
    return Proof(
        proved=False,
        passed=0,
        total=len(case.examples),
        level="none",
        isolation="none",
        judge="none",
        hash=digest(case, [], "none"),
    )


def digest(case: Case, statuses: Sequence[Status], judge: str) -> str:
    """SHA-256, in hexadecimal, of what was run and what came of it."""
    candidate, limits = case.candidate, case.limits
    document: dict[str, Any] = {
        "code": candidate.code,
        "language": candidate.language,
        "entry_point": candidate.entry_point,
        "examples": [
            [type(e).__name__, e.input, e.expected, *_manner(e.comparer)] for e in case.examples
        ],
        "limits": [limits.seconds, limits.memory_mb, limits.output_bytes],
        "judge": judge,
        "statuses": [str(s) for s in statuses],
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _manner(comparer: str) -> tuple[str, ...]:
    """What stands in a proof of how values or text were compared: nothing of the usual ways."""
    return () if comparer in ("exact", "lines") else (comparer,)
