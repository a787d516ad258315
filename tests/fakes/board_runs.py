"""Folders as `lathe evaluate` leaves them, of models and problems that are made up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from codelathe.benchmarks.protocols import PROTOCOLS, protocol_document
from codelathe.core.judging import Status
from codelathe.evaluation.rows import Call, Outcome, Row, row_line
from codelathe.evaluation.signature import Asking, Signature
from codelathe.evaluation.summary import Summary, summary_document, tally
from codelathe.evaluation.transcript import Written, written_document

FAILED_AT = Call("[3, 1, 2]", "[1, 2, 3]", "[3, 1, 2]")


def asking(model: str = "toy-1.5b-instruct-q4_k_m", **other: Any) -> Asking:
    """Greedy, with the default protocol for chats."""
    usual: dict[str, Any] = {
        "model": model, "model_sha256": "", "engine": "scripted", "engine_version": "1",
        "protocol": protocol_document(PROTOCOLS["fast-chat"]), "n": 1, "temperature": 0.0,
        "top_p": 1.0, "max_tokens": 768, "seed": None, "limit": None,
    }  # fmt: skip
    return Asking(**usual | other)


def signature(asked: Asking | None = None, **other: Any) -> Signature:
    """Of a made-up benchmark, judged in isolation."""
    usual: dict[str, Any] = {
        "benchmark": "humaneval", "data_sha256": "d" * 64, "tests": ("base",), "mode": "hardened",
        "limits": {"seconds": (3.0, 3.0)}, "timeout": None, "isolation": "A", "missing": (),
        "details": {}, "python": "3.11.2", "machine": "x86_64", "asking": asked or asking(),
    }  # fmt: skip
    return Signature(**usual | other)


def write_run(
    folder: Path,
    statuses: Mapping[str, Sequence[str]],
    asked: Asking | None = None,
    texts: Mapping[str, str] | None = None,
    **other: Any,
) -> Path:
    """A run with these statuses of the samples of each problem; `texts` are of each answer."""
    folder.mkdir(parents=True)
    signed = signature(asked, **other)
    rows, written = [], []
    for task_id, found in statuses.items():
        for sample, status in enumerate(found):
            call = FAILED_AT if status == "failed" else None
            detail = "" if status == "passed" else f"it came to {status}"
            outcome = Outcome(Status(status), detail, 0.01, call=call)
            rows.append(Row(task_id, sample, outcome))
            answer = Written(
                task_id, sample, f"```python\nanswer({sample})\n```", f"answer({sample})",
                90, 40, "stop", None, prompt="" if sample else f"Solve {task_id}.",
            )  # fmt: skip
            written.append(replace(answer, **(texts or {})))
    counted = tally(rows)
    summary = Summary(
        samples=len(rows), problems=counted.problems, unattempted=0,
        scores=counted.scores([1], signed.tests), unscored=(), counts=counted.counts, flaky=0,
        starved=0, copies=0, seconds=1.0, signature=signed,
    )  # fmt: skip
    (folder / "verdicts.jsonl").write_bytes(b"".join(row_line(r, signed.tests) for r in rows))
    lines = [json.dumps(written_document(w)) for w in written]
    (folder / "completions.jsonl").write_text("\n".join(lines) + "\n")
    document = {
        **summary_document(summary), "generation": {"tokens_per_second": 104.0}, "run": {},
    }  # fmt: skip
    (folder / "result.json").write_text(json.dumps(document))
    return folder
