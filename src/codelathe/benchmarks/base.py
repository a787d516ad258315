"""What a benchmark is, whatever it is made of: tasks, their tests, and where they came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from codelathe.core.judging import Candidate, Limits
from codelathe.core.problem import CallExample, Problem
from codelathe.store import Progress, Silent, Store

_NOTHING: Mapping[str, str] = MappingProxyType({})

Values = Callable[[Candidate, Sequence[CallExample], Limits], Sequence[tuple[Any, float]]]
"""Runs trusted code in isolation: what each call gave back, as decoded, and its seconds."""


Kind = Literal["function", "docstring", "words", "synthesize", "fix", "explain", "own"]
"""What a prompt is: a function's head; words and an assert in a docstring; words alone;
one of HumanEvalPack's three; or anything that users write."""


@dataclass(frozen=True, slots=True)
class Task:
    """One problem with its hidden tests (`problem.tests`).

    `prefix` is what a completion goes on from: prefix + completion is the whole program.
    `canonical` is a whole program that solves it, empty where none is known. `texts` are
    further texts of the data that a protocol may ask with, such as `buggy`.
    """

    problem: Problem
    canonical: str
    limits: Limits
    prefix: str = ""
    texts: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Tasks by id, in the data's own order.

    `tests` names each problem's hidden tests: `("base",)`, or `("base", "plus")` where a pass
    needs both. `sha256` is the data file's; `details` are further facts that stand in a
    signature, such as the version of the comparer. `kind` says what its prompts are, on which
    it depends which protocols there are for it; `shots` are problems with their solutions that
    a protocol may show.
    """

    name: str
    tasks: Mapping[str, Task]
    sha256: str
    licence: str
    tests: tuple[str, ...] = ("base",)
    details: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    kind: Kind = "function"
    shots: tuple[Task, ...] = ()

    def task_id(self, raw: object) -> str | None:
        """The id of the task that a samples file calls `raw`, None where there is none.

        Besides the id itself: its number (`11`, `"11"`), and its prefix in any case
        (`"Mbpp/11"` for `MBPP/11`).
        """
        text = str(raw) if type(raw) is int else raw
        if not isinstance(text, str):
            return None
        if text in self.tasks:
            return text
        prefix = next(iter(self.tasks), "").rpartition("/")[0]
        given, _, number = text.strip().rpartition("/")
        if given.lower() not in ("", prefix.lower()):
            return None
        id_ = f"{prefix}/{number}"
        return id_ if id_ in self.tasks else None


@dataclass(frozen=True, slots=True)
class Opening:
    """What opening a benchmark may need: its name, the user's own data file, the store.

    `values` computes expected values where the data has only a canonical solution;
    `progress` is told of what is fetched, and of what takes long. `base_only` asks for the first
    of a benchmark's tests alone.
    """

    name: str
    store: Store
    data: Path | None = None
    values: Values | None = None
    progress: Progress = field(default_factory=Silent)
    base_only: bool = False
