"""Runs the attacks in one slot, each followed by an honest candidate, and prints JSON.

A program of its own, so that a test run by root can run it as an ordinary user too:

    python tests/judge/zoo.py TIER
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "attacks"
ATTACKING = Path(__file__).parent / "attacking.py"
SOURCE = Path(__file__).parents[2] / "src"


def metadata(text: str) -> dict[str, str]:
    """The `# name: value` lines at the head of an attack."""
    pairs = (line[2:].split(": ", 1) for line in text.splitlines() if line.startswith("# "))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def attacks() -> dict[str, str]:
    """Name -> the text of its file."""
    return {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.py"))}


def source(text: str) -> str:
    """The code that an attack consists of: its text, or what its text makes."""
    if "made" in metadata(text):
        namespace: dict[str, Any] = {}
        exec(text, namespace)
        made: str = namespace["SOURCE"]
        return made
    shared = ("attempt(", "system_call(", "libc")
    return ATTACKING.read_text() + text if any(name in text for name in shared) else text


def next_one(text: str, honest: Any) -> Any:
    """What runs after an attack: what would find its traces, or an honest candidate."""
    from codelathe.core.judging import Candidate, Case
    from codelathe.core.problem import CallExample

    if "def found" not in text:
        return honest
    nothing = (CallExample("1", "[]", (1,), []),)
    return Case(Candidate(source(text), entry_point="found"), nothing, honest.limits)


def main(tier: str) -> None:
    from codelathe.core.judging import Candidate, Case, Limits
    from codelathe.core.problem import CallExample
    from codelathe.judge import SandboxJudge

    honest = Case(
        Candidate("import os\n\ndef solve(n):\n    return n, os.listdir('.')", entry_point="solve"),
        (CallExample("1", "(1, [])", (1,), (1, [])),),
        Limits(seconds=10.0),
    )
    if tier == "B":  # there is no folder of one's own, and none that can be listed
        honest = Case(
            Candidate("def solve(n):\n    return n, []", entry_point="solve"), *_rest(honest)
        )

    def cases() -> Iterator[Case]:
        for text in attacks().values():
            seconds = float(metadata(text).get("seconds", 10.0))
            yield Case(
                Candidate(source(text), entry_point="solve"),
                tuple(CallExample(str(n), f"'answer-{n}'", (n,), f"answer-{n}") for n in (1,)),
                Limits(seconds=seconds, memory_mb=256, output_bytes=1 << 16),
            )
            yield next_one(text, honest)

    with SandboxJudge(slots=1, tier=tier) as judge:
        answers = list(judge.judge(cases()))
    results: dict[str, Any] = {}
    for name, attack, after in zip(attacks(), answers[::2], answers[1::2], strict=True):
        results[name] = {
            "status": str(attack[0].status),
            "got": attack[0].got,
            "detail": attack[0].detail,
            "seconds": round(attack[0].seconds, 3),
            "after": str(after[0].status),
            "after_detail": f"{after[0].got} {after[0].detail}",
        }
    print(json.dumps({"uid": os.getuid(), "results": results}))


def _rest(case: Any) -> tuple[Any, Any]:
    return case.examples, case.limits


if __name__ == "__main__":
    sys.path.insert(0, str(SOURCE))
    main(sys.argv[1])
