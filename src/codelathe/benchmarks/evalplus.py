"""HumanEval+ and MBPP+ (EvalPlus, Liu et al. 2023, arXiv:2305.01210): many inputs a problem.

The data has inputs and a canonical solution; what the solution returns is what is expected.
Two tests a problem: `base`, the original benchmark's inputs, and `plus`, EvalPlus's own. A
pass of the benchmark needs both, unless `base` alone is asked for. Each input may take 4 seconds
or 4 times what the canonical solution took, a whole test the sum of that, but at most 60 seconds,
and 1 more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codelathe.benchmarks.base import Benchmark, Opening, Task
from codelathe.benchmarks.data import Rows, Wanted, find_rows, texts
from codelathe.benchmarks.evalplus_inputs import mbpp_arguments
from codelathe.benchmarks.evalplus_program import literal, program
from codelathe.benchmarks.expected import Kept, Reference, expected_values
from codelathe.core.judging import Limits
from codelathe.core.problem import CallExample, Problem, Suite
from codelathe.judge import compare
from codelathe.judge.evalplus import VERSION, name_of
from codelathe.judge.evalplus_rules import NOT_NONE

_LEAST_SECONDS, _FACTOR, _MOST_SECONDS = 4.0, 4.0, 60.0
_FIELDS = texts("task_id", "prompt", "entry_point", "canonical_solution")
_ADVICE = "fetch it from the GitHub releases of evalplus/{}_release and unpack it"
_DATA = {
    "humaneval+": Wanted(
        files=("HumanEvalPlus-v*.jsonl*", "HumanEvalPlus.jsonl*"),
        advice=_ADVICE.format("humanevalplus"),
    ),
    "mbpp+": Wanted(
        files=("MbppPlus-v0.1.0.jsonl", "MbppPlus-v*.jsonl*", "MbppPlus.jsonl*"),
        dataset="mbpp+",
        advice=_ADVICE.format("mbppplus"),
    ),
}
_DATASETS = {"humaneval+": "humaneval", "mbpp+": "mbpp"}


@dataclass(frozen=True, slots=True)
class _Row:
    """A problem of the data, its arguments as the problem takes them."""

    id: str
    prompt: str
    canonical: str
    entry_point: str
    inputs: Mapping[str, Sequence[Sequence[Any]]]
    """By the name of the test that makes a call with each."""
    tolerance: float

    @property
    def all_inputs(self) -> list[Sequence[Any]]:
        """Those of all tests, one test's after the other's."""
        return [args for some in self.inputs.values() for args in some]


@dataclass(frozen=True, slots=True)
class _Call:
    """One input, what is expected for it, and the seconds that the canonical solution took."""

    args: Sequence[Any]
    value: Any
    seconds: float

    @property
    def limit(self) -> float:
        """The seconds that a candidate may take for it."""
        return max(_LEAST_SECONDS, _FACTOR * self.seconds)


def open_plus(opening: Opening) -> Benchmark:
    """One of the benchmarks `humaneval+` and `mbpp+`."""
    dataset = _DATASETS[opening.name]
    found = find_rows(_DATA[opening.name], _FIELDS, opening)
    names = ("base",) if opening.base_only else ("base", "plus")
    rows = list(_read(found, dataset, names))
    expected = expected_values(
        [_reference(row, dataset) for row in rows],
        f"{opening.name} {found.sha256} evalplus {VERSION}{' base' * opening.base_only}",
        opening,
    )
    return Benchmark(
        name=opening.name,
        tasks={row.id: _task(row, dataset, expected.values[row.id]) for row in rows},
        sha256=found.sha256,
        licence="Apache-2.0",
        kind="docstring" if dataset == "mbpp" else "function",
        tests=names,
        details={
            **found.details,
            "comparer": f"evalplus {VERSION}",
            **({"left out": expected.left_out} if expected.left_out else {}),
        },
    )


def _read(found: Rows, dataset: str, names: Sequence[str]) -> Iterator[_Row]:
    for line, row in found:
        id_, atol = row["task_id"], row.get("atol")
        if isinstance(atol, bool) or not isinstance(atol, int | float) or not atol >= 0:
            raise found.wrong(line, f"'atol' is no tolerance: {atol!r}")
        try:
            inputs = {name: _arguments(row, f"{name}_input", dataset) for name in names}
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            raise found.wrong(line, f"the inputs are not those of {id_}: {error}") from None
        code = row["prompt"] + row["canonical_solution"]
        yield _Row(id_, row["prompt"], code, row["entry_point"], inputs, atol)


def _arguments(row: Mapping[str, Any], name: str, dataset: str) -> list[Sequence[Any]]:
    inputs = row.get(name) or []  # the data has {} where there are none
    if not isinstance(inputs, list) or not all(isinstance(args, list) for args in inputs):
        raise TypeError(f"{name!r} is no list of lists of arguments")
    if dataset != "mbpp":
        return inputs
    return [mbpp_arguments(row["task_id"], args) for args in inputs]


def _reference(row: _Row, dataset: str) -> Reference:
    whether = dataset == "mbpp" and row.entry_point in NOT_NONE
    return Reference(row.id, row.canonical, row.entry_point, row.all_inputs, whether)


def _task(row: _Row, dataset: str, expected: Sequence[Kept]) -> Task:
    values = iter(expected)
    tests = [
        [_Call(args, *kept) for args, kept in zip(some, values, strict=False) if kept is not None]
        for some in row.inputs.values()
    ]
    problem = Problem(
        row.prompt,
        id=row.id,
        entry_point=row.entry_point,
        tests=tuple(_suite(row, dataset, calls) for calls in tests),
    )
    whole = max(sum(call.limit for call in calls) for calls in tests)
    seconds = min(_MOST_SECONDS, whole) + 1
    limits = Limits(seconds=seconds, memory_mb=4096, output_bytes=1 << 24)
    return Task(problem, row.canonical, limits, prefix=row.prompt)


def _suite(row: _Row, dataset: str, calls: Sequence[_Call]) -> Suite:
    inputs = [literal(tuple(call.args)) for call in calls]
    expected = [literal(call.value) for call in calls]
    examples = tuple(
        CallExample(
            input=compare.clip(_without_brackets(given)),
            expected=compare.clip(wanted),
            args=tuple(call.args),
            value=call.value,
        )
        for given, wanted, call in zip(inputs, expected, calls, strict=True)
    )
    return Suite(
        source=program(dataset, row.entry_point, row.tolerance, inputs, expected),
        calls=examples,
        comparer=name_of(dataset, row.entry_point, row.tolerance),
        call_seconds=max((call.limit for call in calls), default=_LEAST_SECONDS),
    )


def _without_brackets(arguments: str) -> str:
    """The arguments as they stand in a call, of a tuple's literal."""
    return arguments[1:-1].removesuffix(",")
