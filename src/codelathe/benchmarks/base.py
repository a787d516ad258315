"""What a benchmark is, whatever it is made of: tasks, their tests, and where they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from codelathe.core.judging import Limits
from codelathe.core.problem import Problem

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Task:
    """One problem with its hidden tests (`problem.tests`).

    `prefix` is what a completion goes on from: prefix + completion is the whole program.
    `canonical` is a whole program that solves it.
    """

    problem: Problem
    canonical: str
    limits: Limits
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Tasks by id, in the data's own order.

    `tests` names each problem's hidden tests: `("base",)`, or `("base", "plus")` where a pass
    needs both. `sha256` is the data file's; `details` are further facts that stand in a
    signature, such as the version of the comparer.
    """

    name: str
    tasks: Mapping[str, Task]
    sha256: str
    licence: str
    tests: tuple[str, ...] = ("base",)
    details: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
