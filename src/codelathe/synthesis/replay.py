"""Run a proof again: the same code, examples and limits, and the same hash must come out.

No model takes part. The document is what `lathe generate --json` and the HTTP service
give; it is not trusted: what it claims to have passed is run, not believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codelathe.core.errors import ProblemError
from codelathe.core.judging import Candidate, Case, Judge, Limits
from codelathe.core.language import parse_language
from codelathe.core.proof import Solution, prove
from codelathe.text.examples import parse_examples


@dataclass(frozen=True, slots=True)
class Replay:
    """What a second run showed, beside the hash that the document claims."""

    solution: Solution
    claimed: str

    @property
    def agrees(self) -> bool:
        """Whether the second run came to the very proof that the document claims."""
        return self.solution.proof.hash == self.claimed


def replay(document: Mapping[str, Any], judge: Judge) -> Replay:
    """Judge the code of a generate document again.

    Raises:
        ProblemError: the document lacks a part of a proof, or a part is malformed.
        IsolationError: this machine cannot isolate code.
    """
    case, claimed = _case(document)
    (verdicts,) = judge.judge([case])
    proof = prove(case, verdicts, judge.name, judge.isolation)
    return Replay(Solution(case, verdicts, proof), claimed)


def _case(document: Mapping[str, Any]) -> tuple[Case, str]:
    try:
        entry, rows = str(document["entry_point"]), document["verdicts"]
        inputs = [str(row["input"]) for row in rows]
        outputs = [str(row["expected"]) for row in rows]
        limits = Limits(
            seconds=float(document["limits"]["seconds"]),
            memory_mb=int(document["limits"]["memory_mb"]),
            output_bytes=int(document["limits"]["output_bytes"]),
        )
        language = parse_language(str(document["language"])).key
        candidate = Candidate(str(document["generated_code"]), language, entry)
        claimed = str(document["proof"]["hash"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ProblemError(
            f"this is no document with a proof: {type(error).__name__} {error}",
            hint="lathe generate ... --json > solution.json",
        ) from None
    if not rows:
        raise ProblemError(
            "the document has no verdicts: there is nothing to replay",
            hint="give lathe generate examples: --input ... --output ...",
        )
    examples = parse_examples(inputs, outputs, program=not entry)
    return Case(candidate, examples, limits), claimed
