"""A made-up benchmark whose prompts differ, a scripted model for it, and a run of the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from codelathe.benchmarks.base import Benchmark
from codelathe.core.errors import LatheError
from codelathe.core.generation import Engine
from codelathe.core.judging import Judge
from codelathe.engines.scripted import ScriptedAnswer, ScriptedEngine
from codelathe.evaluation.evaluating import (
    Evaluated,
    Hearing,
    Model,
    Planned,
    Wish,
    evaluate,
    prepare,
)
from fakes.judging import Told, made_up

USUAL = Wish()
NOBODY = Hearing()


def asking(problems: int = 4, tests: tuple[str, ...] = ("base",)) -> Benchmark:
    """Tasks `Toy/0`... with prompts that can be told apart."""
    benchmark = made_up(problems, tests)
    tasks = {
        id_: replace(task, problem=replace(task.problem, prompt=prompt(i)))
        for i, (id_, task) in enumerate(benchmark.tasks.items())
    }
    return replace(benchmark, tasks=tasks)


def prompt(i: int) -> str:
    return f'def f(x):\n    """Problem {i}."""\n'


def answer(i: int, says: str) -> ScriptedAnswer:
    """An answer to problem `i`; the judge is to say `says` of its code."""
    return ScriptedAnswer(
        f"def f(x):\n    return {i}  # {says}\n```\nDone.", match=rf"Problem {i}\.", repeat=True
    )


def model(says: Sequence[str | LatheError]) -> ScriptedEngine:
    """A model that answers problem `i` so that the judge says `says[i]`, or fails."""
    return ScriptedEngine(
        [
            ScriptedAnswer(match=rf"Problem {i}\.", repeat=True, error=said)
            if isinstance(said, LatheError)
            else answer(i, said)
            for i, said in enumerate(says)
        ]
    )


def planned(benchmark: Benchmark, engine: Engine, wish: Wish = USUAL, name: str = "m") -> Planned:
    return prepare(benchmark, Model(name, engine.info), wish)


def run(
    folder: Path,
    says: Sequence[str | LatheError] = ("passed", "failed", "passed", "error"),
    *,
    judge: Judge | None = None,
    engine: Engine | None = None,
    wish: Wish = USUAL,
    benchmark: Benchmark | None = None,
    name: str = "m",
    hearing: Hearing = NOBODY,
) -> Evaluated:
    """Evaluate the scripted model in `folder`."""
    engine = engine or model(says)
    benchmark = benchmark or asking(len(says))
    plan = planned(benchmark, engine, wish, name)
    return evaluate(plan, engine, judge or Told(), folder, folder.parent / "cache", hearing)
