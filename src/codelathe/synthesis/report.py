"""An Outcome as the JSON document that the command line and the HTTP service share."""

from __future__ import annotations

from typing import Any

from codelathe.core.judging import Verdict
from codelathe.core.proof import Proof
from codelathe.synthesis.solve import Outcome


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """The fixed form: code, model, proof, a verdict an example, usage. All plain JSON values."""
    candidate = outcome.solution.case.candidate
    limits = outcome.solution.case.limits
    document: dict[str, Any] = {
        "generated_code": candidate.code,
        "language": candidate.language,
        "model": outcome.model,
        "candidates": len(outcome.completions),
        "entry_point": candidate.entry_point,
        "proof": proof_document(outcome.solution.proof),
        "verdicts": [verdict_document(v) for v in outcome.solution.verdicts],
        "limits": {
            "seconds": limits.seconds,
            "memory_mb": limits.memory_mb,
            "output_bytes": limits.output_bytes,
        },
        "usage": _usage(outcome),
    }
    if outcome.reason:
        document["reason"] = outcome.reason
    return document


def proof_document(proof: Proof) -> dict[str, Any]:
    """A proof; `missing` is left out where nothing is missing."""
    document: dict[str, Any] = {
        "proved": proof.proved,
        "passed": proof.passed,
        "total": proof.total,
        "level": proof.level,
        "isolation": proof.isolation,
        "judge": proof.judge,
        "hash": proof.hash,
    }
    if proof.missing:
        document["missing"] = list(proof.missing)
    return document


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """A verdict; `got` and `detail` are left out where they say nothing."""
    document: dict[str, Any] = {
        "input": verdict.input,
        "expected": verdict.expected,
        "status": str(verdict.status),
        "seconds": round(verdict.seconds, 4),
    }
    if verdict.got is not None:
        document["got"] = verdict.got
    if verdict.detail:
        document["detail"] = verdict.detail
    return document


def _usage(outcome: Outcome) -> dict[str, Any]:
    """Tokens, wall seconds and dollars; `cost_usd` is None where a price is not known."""
    completions = outcome.completions
    costs = [c.cost_usd for c in completions]
    return {
        "prompt_tokens": sum(c.prompt_tokens for c in completions),
        "completion_tokens": sum(c.completion_tokens for c in completions),
        "seconds": round(outcome.seconds, 3),
        "cost_usd": None if None in costs else sum(c for c in costs if c is not None),
    }
