"""The published data, where it is at hand."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import pytest

from codelathe.benchmarks import BENCHMARKS, Benchmark, Task, open_benchmark
from codelathe.core.errors import UsageError
from codelathe.core.problem import Suite
from codelathe.judge.compare import comparer

SLOW = "MBPP/123"  # two seconds


@pytest.fixture(autouse=True)
def published(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODELATHE_DATA", str(data_folder))


def suites(benchmark: Benchmark) -> list[tuple[Task, Suite]]:
    return [(task, suite) for task in benchmark.tasks.values() for suite in task.problem.tests]


def run(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a canonical solution's '\\w'
        exec(source, names)
    return names


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("humaneval", 164),
        ("mbpp", 500),
        *((name, 164) for name in BENCHMARKS if name.startswith("humanevalpack-")),
    ],
)
def test_every_problem_is_there_in_the_published_file(name: str, size: int) -> None:
    benchmark = open_benchmark(name)
    details = {"run inside": "MBPP/367"} if name == "mbpp" else {}
    assert (len(benchmark.tasks), dict(benchmark.details)) == (size, details)


@pytest.mark.parametrize(
    ("name", "count"), [("humaneval", 155), ("mbpp", 499), ("humanevalpack-fix-python", 155)]
)
def test_so_many_tests_are_nothing_but_calls(name: str, count: int) -> None:
    found = suites(open_benchmark(name))
    assert sum(suite.calls is not None for _, suite in found) == count


@pytest.mark.parametrize("name", ["humaneval", "mbpp", "humanevalpack-fix-python"])
def test_canonical_solutions_get_through_the_programs(name: str) -> None:
    for task, suite in suites(open_benchmark(name)):
        if task.problem.id != SLOW:
            run(f"{task.canonical}\n{suite.source}")


@pytest.mark.parametrize("name", ["humaneval", "mbpp", "humanevalpack-fix-python"])
def test_canonical_solutions_give_what_the_calls_expect(name: str) -> None:
    for task, suite in suites(open_benchmark(name)):
        if suite.calls is None or task.problem.id == SLOW:
            continue
        solve, holds = run(task.canonical)[task.problem.entry_point], comparer(suite.comparer)
        with contextlib.redirect_stdout(io.StringIO()):
            assert all(holds(call, solve(*call.args, **call.kwargs)) for call in suite.calls)


def test_prompts_of_humaneval_are_code_as_they_stand() -> None:
    for task in open_benchmark("humaneval").tasks.values():
        run(task.problem.tests[0].context)


def test_all_inputs_of_mbpp_plus_can_be_read() -> None:
    with pytest.raises(UsageError, match="not computed yet"):  # which comes after the reading
        open_benchmark("mbpp+")
