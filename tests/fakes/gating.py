"""Models before and after a tuning, of which it is made up how many problems they pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from codelathe.core.generation import EngineInfo
from codelathe.engines.scripted import ScriptedEngine
from codelathe.evaluation.evaluating import Wish
from codelathe.evaluation.gate import Bench, Opened, Part
from fakes.evaluating import asking, model
from fakes.judging import Told

MANY = 80
SAYS = {"own": 12, "general": MANY}


def says(passed: int, of: int = MANY) -> tuple[str, ...]:
    return ("passed",) * passed + ("failed",) * (of - passed)


class Models:
    """Scripted models by reference, what was opened, and how often each was asked anything.

    The parts have different numbers of problems, of which a model passes the first ones.
    """

    def __init__(self, passes: dict[str, dict[str, int]]) -> None:
        self.passes = passes
        self.opened: list[_Asked] = []
        self.asked: list[str] = []

    def __call__(self, name: str) -> Opened:
        self.opened.append(_Asked(self, name))
        return Opened(self.opened[-1], f"hash of {name}")


class _Asked:
    """A model that answers by how many problems it is asked."""

    def __init__(self, models: Models, name: str) -> None:
        self._models, self._name = models, name
        self._inner: ScriptedEngine = model(())
        self.closed = False

    @property
    def info(self) -> EngineInfo:
        return self._inner.info

    def generate(self, requests: Sequence[Any], watch: Any = None) -> Any:
        self._models.asked.append(self._name)
        part = next(part for part, count in SAYS.items() if count == len(requests))
        key = next(key for key in self._models.passes if self._name.endswith(key))
        said = says(self._models.passes[key][part], len(requests))
        return model(said).generate(requests, watch)

    def close(self) -> None:
        self.closed = True


def gate_bench(models: Models, folder: Path, parts: Sequence[str] = ("own", "general")) -> Bench:
    asked = [Part(p, replace(asking(SAYS[p]), name=p), Wish()) for p in parts]  # type: ignore[arg-type]
    return Bench(asked, models, Told(), folder / "before", folder / "cache")
