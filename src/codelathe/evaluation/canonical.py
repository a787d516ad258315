"""Whether a benchmark's own solutions pass on this machine, before a model is asked.

Where they do not, a toolchain is missing, the machine is too slow or too small, or the data
is wrong, and a model's score would say so of the model. What passed once is not run again
while data, judge, isolation and interpreter are the same.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from codelathe import __version__
from codelathe.benchmarks.base import Benchmark, Task
from codelathe.core.errors import JudgeError, LatheError
from codelathe.core.judging import Candidate, Case, Judge, Status
from codelathe.evaluation.files import read_object, replace_file
from codelathe.evaluation.rows import Outcome, outcome
from codelathe.evaluation.signature import sign, signature_document


def check_canonical(
    benchmark: Benchmark,
    tasks: Sequence[Task],
    judge: Judge,
    folder: Path,
    tell: Callable[[int, int], None] | None = None,
) -> Mapping[str, Outcome]:
    """Run the canonical solutions of `tasks`; those that do not pass, by task.

    What passed is kept in `folder`. A solution that fails is given a second run, alone.

    Raises:
        JudgeError: none of them passes, or this machine cannot isolate code.
    """
    kept = folder / f"{_key(benchmark, judge)}.json"
    passed = set(read_object(kept).get("passed", ()))
    known = [task for task in tasks if task.canonical]
    left = [task for task in known if task.problem.id not in passed]
    failing: dict[str, Outcome] = {}
    for done, (task, verdicts) in enumerate(zip(left, judge.judge(map(_case, left)), strict=True)):
        failing[task.problem.id] = outcome(verdicts)
        if tell is not None:
            tell(done + 1, len(left))
    for task in left:
        id_ = task.problem.id
        if failing[id_].status is not Status.PASSED:  # alone, with nothing beside
            (verdicts,) = judge.judge([_case(task)])
            failing[id_] = outcome(verdicts)
        if failing[id_].status is Status.PASSED:
            passed.add(id_)
            del failing[id_]
    if known and len(failing) == len(known):
        one, found = next(iter(failing.items()))
        raise JudgeError(
            f"none of the {len(known)} solutions of {benchmark.name} itself passes on this "
            f"machine; {one}: {found.status} {found.detail}".rstrip(),
            hint="lathe doctor",
        )
    if left:
        with suppress(LatheError):  # where it cannot be kept, they are run again the next time
            replace_file(kept, json.dumps({"passed": sorted(passed)}).encode("ascii"))
    return failing


def _case(task: Task) -> Case:
    problem = task.problem
    return Case(
        Candidate(task.canonical, problem.language, problem.entry_point),
        (*problem.examples, *problem.tests),
        task.limits,
    )


def _key(benchmark: Benchmark, judge: Judge) -> str:
    isolation = judge.isolation
    about = [
        signature_document(sign(benchmark, judge.name, None)),
        isolation.tier,
        isolation.missing,
        sys.version,
        __version__,
    ]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode("ascii")).hexdigest()[:32]
