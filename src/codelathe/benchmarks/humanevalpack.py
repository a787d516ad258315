"""HumanEvalPack (Muennighoff et al. 2023, arXiv:2308.07124): HumanEval in six languages.

Three kinds over one file a language. `synthesize`: a signature with its docstring is to be
completed. `fix`: a function with a bug is to be repaired. `explain`: a function is explained,
and written again from the explanation alone. All are decided by the same tests, so this
module has the programs; what a model is asked comes from elsewhere.

The program judged is the test's context, the candidate, the benchmark's own test program.
Seconds are those of the authors' bigcode-evaluation-harness, compiling included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codelathe.benchmarks.base import Benchmark, Kind, Opening, Task
from codelathe.benchmarks.data import Wanted, find_rows, texts
from codelathe.benchmarks.humaneval import python_suite
from codelathe.core.judging import Limits
from codelathe.core.language import parse_language
from codelathe.core.problem import Problem, Suite

_SECONDS = {"python": 10, "js": 10, "java": 10, "go": 20, "cpp": 60, "rust": 300}
_FIELDS = texts(
    "task_id", "prompt", "declaration", "canonical_solution", "test", "entry_point",
    "buggy_solution", "instruction", "docstring",
)  # fmt: skip
_KINDS: dict[str, Kind] = {"synthesize": "synthesize", "fix": "fix", "explain": "explain"}
_GO_FIELDS = texts("test_setup")

#: Solutions rely on headers that their prompts do not name; the authors' program puts a list
#: of them before each, of which this header is a superset.
_CPP_HEAD = "#include <bits/stdc++.h>\nusing namespace std;\n"


def open_pack(opening: Opening) -> Benchmark:
    """One of the benchmarks `humanevalpack-KIND-LANGUAGE`."""
    _, named, language = opening.name.split("-")
    kind = _KINDS[named]
    wanted = Wanted(
        files=(f"humanevalpack-{language}.jsonl",),
        dataset=f"humanevalpack-{language}",
        advice=f"copy data/{language}/data/humanevalpack.jsonl of the hub's data set "
        "bigcode/humanevalpack from another machine",
    )
    fields = _FIELDS | (_GO_FIELDS if language == "go" else {})
    found = find_rows(wanted, fields, opening)
    return Benchmark(
        name=opening.name,
        tasks={row["task_id"]: _task(row, kind, language) for _, row in found},
        sha256=found.sha256,
        licence="MIT",
        details=found.details,
        kind=kind,
    )


def _task(row: Mapping[str, Any], kind: Kind, language: str) -> Task:
    problem = Problem(
        row["prompt"],
        id=row["task_id"],
        language=parse_language(language).key,
        entry_point=row["entry_point"],
        tests=(_suite(row, language),),
    )
    prefix = _prefix(row, kind, language)
    limits = Limits(seconds=_SECONDS[language], memory_mb=4096, output_bytes=1 << 24)
    asked = {
        "instruction": row["instruction"],
        "docstring": row["docstring"],
        "buggy": prefix + row["buggy_solution"],
        "test": row["test"],
    }
    return Task(problem, prefix + row["canonical_solution"], limits, prefix, asked)


def _suite(row: Mapping[str, Any], language: str) -> Suite:
    if language == "python":
        return python_suite(row["test"], row["entry_point"], context=row["prompt"])
    head = {"cpp": _CPP_HEAD, "go": row.get("test_setup", "")}.get(language, "")
    return Suite(row["test"], context=head)


def _prefix(row: Mapping[str, Any], kind: Kind, language: str) -> str:
    """What a completion goes on from: only where code is synthesized with the docstring."""
    if kind == "synthesize":
        return str(row["prompt"])
    main = "fn main(){}\n" if language == "rust" else ""  # which a prompt has, not a declaration
    return main + str(row["declaration"])
