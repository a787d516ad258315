"""Runs candidates in isolation and decides, outside of their process, what came of it.

The public names are imported when first used, so that a verb that only lists things
pays nothing for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codelathe.judge.isolation import Feature, Report, isolation_report
    from codelathe.judge.pool import SandboxJudge

__all__ = ["Feature", "Report", "SandboxJudge", "isolation_report"]

_WHERE = {
    "Feature": "isolation",
    "Report": "isolation",
    "SandboxJudge": "pool",
    "isolation_report": "isolation",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
