"""MBPP (Austin et al. 2021, arXiv:2108.07732): small Python functions, three asserts each.

The test split, problems 11 to 510. The program judged is the answer, then the problem's
set-up code, then its asserts, within 5 seconds: one canonical solution needs 2.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from codelathe.benchmarks.base import Benchmark, Opening, Task
from codelathe.benchmarks.data import Wanted, find_rows, texts
from codelathe.benchmarks.humaneval import python_suite, ran_inside
from codelathe.core.judging import Limits
from codelathe.core.problem import Problem
from codelathe.text.asserts import called_functions
from codelathe.text.syntax import parse_module

_SPLIT = range(11, 511)
_SHOTS = (2, 3, 4)
"""The problems that the paper shows a model before the one it asks for."""
_LIMITS = Limits(seconds=5.0, memory_mb=4096, output_bytes=1 << 24)
_DATA = Wanted(
    files=("mbpp.jsonl",),
    dataset="mbpp",
    advice="copy mbpp.jsonl of google-research's folder mbpp from another machine",
)
_FIELDS = {**texts("text", "code", "test_setup_code"), "task_id": int, "test_list": list}


def open_mbpp(opening: Opening) -> Benchmark:
    """The benchmark `mbpp`."""
    found = find_rows(_DATA, _FIELDS, opening)
    tasks, shots = {}, []
    for line, row in found:
        if row["task_id"] not in _SPLIT and row["task_id"] not in _SHOTS:
            continue
        task = _task(row)
        if row["task_id"] in _SHOTS:
            shots += [task] if task else []
            continue
        if task is None:
            raise found.wrong(line, "no assert calls a function that the code defines")
        tasks[task.problem.id] = task
    if not tasks:
        raise found.wrong(1, "none of the test split's problems, 11 to 510, is in the file")
    return Benchmark(
        opening.name,
        tasks,
        found.sha256,
        "CC-BY-4.0",
        details={**found.details, **ran_inside(tasks.values())},
        kind="words",
        shots=tuple(shots),
    )


def _task(row: Mapping[str, Any]) -> Task | None:
    """The task; None where its tests call nothing that its code defines."""
    source = "\n".join([*filter(None, [row["test_setup_code"]]), *map(str, row["test_list"])])
    defined = _functions(row["code"])
    entry = next((name for name in called_functions(source) if name in defined), None)
    if entry is None:
        return None
    problem = Problem(
        row["text"],
        id=f"MBPP/{row['task_id']}",
        entry_point=entry,
        tests=(python_suite(source, entry),),
    )
    asserts = "\n".join(map(str, row["test_list"]))
    texts = {"asserts": asserts, "first assert": str(next(iter(row["test_list"]), ""))}
    return Task(problem, row["code"], _LIMITS, texts=texts)


def _functions(code: str) -> set[str]:
    try:
        body = parse_module(code).body
    except SyntaxError:
        return set()
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}
