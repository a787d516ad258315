"""HumanEval for the benches: problems, what is asked by which protocol, and who passed.

No text of the benchmark is kept here: its file is named with --data, or is where `lathe
evaluate` finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from codelathe.benchmarks import Benchmark, open_benchmark
from codelathe.benchmarks import Task as Problem
from codelathe.benchmarks.asking import Asked, ask, finished, read
from codelathe.benchmarks.protocols import PROTOCOLS as ALL_PROTOCOLS
from codelathe.core.errors import LatheError
from codelathe.core.generation import Message, Request, Sampling, Watch
from codelathe.core.gguf import read_gguf_header
from codelathe.core.judging import Candidate, Case, Status
from codelathe.core.modelref import parse_model_ref
from codelathe.judge import SandboxJudge
from codelathe.metrics.paired import mcnemar
from codelathe.text.chat import compile_chat_template
from codelathe.wiring import DEFAULT_MODEL, open_store

#: `chat` opens the answer's fence; `opened` also writes the signature and docstring into it.
PROTOCOLS = {"chat": ALL_PROTOCOLS["fast-chat"], "opened": ALL_PROTOCOLS["opened-chat"]}
STOP = "\n```"
MAX_TOKENS = 512
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Task:
    """One problem, with the benchmark it is of."""

    benchmark: Benchmark
    problem: Problem

    @property
    def id(self) -> str:
        """As the data has it."""
        return self.problem.problem.id

    def asked(self, protocol: str) -> Asked:
        """What a model is given."""
        return ask(PROTOCOLS[protocol], self.benchmark, self.problem, Sampling(MAX_TOKENS))


def load_tasks(data: Path | None, every: int) -> list[Task]:
    """Every `every`-th problem of the file, whole rounds only (32 of 164 for 5)."""
    try:
        benchmark = open_benchmark("humaneval", data)
    except LatheError as error:
        raise SystemExit(f"{error.message}: {error.hint}") from None
    problems = list(benchmark.tasks.values())
    chosen = problems[: len(problems) // every * every : every]
    return [Task(benchmark, problem) for problem in chosen]


def default_model() -> Path:
    """The default model's file, fetched where it is missing."""
    return open_store().obtain(parse_model_ref(DEFAULT_MODEL)).path


def template(model: Path) -> Callable[[Sequence[Message]], str]:
    header = read_gguf_header(model)
    bos, eos = header.special_token("bos"), header.special_token("eos")
    return compile_chat_template(header.chat_template, bos_token=bos, eos_token=eos)


def request(task: Task, protocol: str) -> Request:
    return task.asked(protocol).request


def watch(tasks: Sequence[Task], protocol: str) -> Watch:
    """Ends each answer when its function is complete."""
    over = [finished(PROTOCOLS[protocol], task.asked(protocol)) for task in tasks]
    return lambda index, _, text: over[index](text)


def judge(tasks: Sequence[Task], answers: Mapping[str, str], protocol: str) -> dict[str, bool]:
    """Which tasks' answers pass their hidden tests."""
    chosen = [task for task in tasks if task.id in answers]
    cases = []
    for task in chosen:
        code = read(PROTOCOLS[protocol], task.asked(protocol), answers[task.id])
        entry, limits = task.problem.problem.entry_point, task.problem.limits
        candidate = Candidate(code, entry_point=entry)
        cases.append(Case(candidate, task.problem.problem.tests, replace(limits, seconds=_SECONDS)))
    with closing(SandboxJudge()) as sandbox:
        verdicts = list(sandbox.judge(cases))
    return {
        task.id: all(verdict.status is Status.PASSED for verdict in found)
        for task, found in zip(chosen, verdicts, strict=True)
    }


def paired_p(first: Mapping[str, bool], second: Mapping[str, bool]) -> tuple[int, int, float]:
    """Tasks only the first passed, only the second passed, and McNemar's exact p."""
    found = mcnemar([first[t] for t in first], [second[t] for t in first])
    return found.first_only, found.second_only, found.p
