"""codelathe: a workbench for code language models whose every claim is proved by running code.

    from contextlib import closing

    import codelathe

    with closing(codelathe.open_judge()) as judge, closing(codelathe.open_engine()) as engine:
        problem = codelathe.Problem(
            "Reverse a string.", examples=codelathe.parse_examples(["'ab'"], ["'ba'"])
        )
        outcome = codelathe.solve(problem, engine, judge)
    print(outcome.solution.case.candidate.code, outcome.solution.proof.proved)

Names are imported when they are first used (PEP 562), so that `import codelathe` is free.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "CallExample": "codelathe.core.problem",
    "Candidate": "codelathe.core.judging",
    "Case": "codelathe.core.judging",
    "Completion": "codelathe.core.generation",
    "Effort": "codelathe.synthesis.solve",
    "Engine": "codelathe.core.generation",
    "Explanation": "codelathe.synthesis.explain",
    "Judge": "codelathe.core.judging",
    "LatheError": "codelathe.core.errors",
    "Limits": "codelathe.core.judging",
    "Listener": "codelathe.synthesis.solve",
    "Message": "codelathe.core.generation",
    "ModelRef": "codelathe.core.modelref",
    "Outcome": "codelathe.synthesis.solve",
    "Problem": "codelathe.core.problem",
    "Proof": "codelathe.core.proof",
    "Question": "codelathe.text.explaining",
    "Request": "codelathe.core.generation",
    "Sampling": "codelathe.core.generation",
    "Solution": "codelathe.core.proof",
    "Status": "codelathe.core.judging",
    "StdioExample": "codelathe.core.problem",
    "Verdict": "codelathe.core.judging",
    "explain": "codelathe.synthesis.explain",
    "open_engine": "codelathe.wiring",
    "open_judge": "codelathe.wiring",
    "open_store": "codelathe.wiring",
    "outcome_document": "codelathe.synthesis.report",
    "parse_examples": "codelathe.text.examples",
    "parse_model_ref": "codelathe.core.modelref",
    "replay": "codelathe.synthesis.replay",
    "solve": "codelathe.synthesis.solve",
    "write_docstrings": "codelathe.text.docstrings",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'codelathe' has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
