"""HumanEval (Chen et al. 2021, arXiv:2107.03374): 164 functions to complete.

The program judged is prompt + completion + test + `check(entry_point)`, as OpenAI's
human-eval has it, within 3 seconds. Memory is EvalPlus's 4 GiB; human-eval sets no limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from codelathe.benchmarks.base import Benchmark, Opening, Task
from codelathe.benchmarks.data import Wanted, find_rows, texts
from codelathe.core.judging import Limits
from codelathe.core.problem import Problem, Suite
from codelathe.text.asserts import read_asserts
from codelathe.text.syntax import undefined_names

_LIMITS = Limits(seconds=3.0, memory_mb=4096, output_bytes=1 << 24)
_DATA = Wanted(
    files=("HumanEval.jsonl.gz",),
    dataset="humaneval",
    advice="the distribution human-eval 1.0.3 of the package index carries it",
)
_FIELDS = texts("task_id", "prompt", "entry_point", "canonical_solution", "test")


def open_humaneval(opening: Opening) -> Benchmark:
    """The benchmark `humaneval`."""
    found = find_rows(_DATA, _FIELDS, opening)
    return Benchmark(
        name=opening.name,
        tasks={row["task_id"]: _task(row) for _, row in found},
        sha256=found.sha256,
        licence="MIT",
        details=found.details,
    )


def _task(row: Mapping[str, Any]) -> Task:
    prompt, entry = row["prompt"], row["entry_point"]
    problem = Problem(
        prompt,
        id=row["task_id"],
        entry_point=entry,
        tests=(python_suite(f"{row['test']}\ncheck({entry})", entry, context=prompt),),
    )
    return Task(problem, prompt + row["canonical_solution"], _LIMITS, prefix=prompt)


def ran_inside(tasks: Iterable[Task]) -> dict[str, str]:
    """What a signature says of tests that run in the candidate's process in every mode."""
    names = [t.problem.id for t in tasks if any(s.inside for s in t.problem.tests)]
    return {"run inside": ", ".join(names)} if names else {}


def python_suite(source: str, entry: str, context: str = "") -> Suite:
    """A Python test program as a Suite, as calls where it is nothing else."""
    asserted = read_asserts(source, entry)
    if asserted is None:
        try:
            strange = undefined_names(f"{context}\n{source}") - {entry}
        except SyntaxError:  # what is wrong with it is seen when it is run
            strange = set()
        return Suite(source, context, inside=bool(strange))
    return Suite(source, context, asserted.calls, asserted.comparer)
