"""HumanEval for the benches: problems, prompts, and whole programs to judge.

No text of the benchmark is kept here: its file is named with --data or lies in the folder
CODELATHE_DATA.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codelathe.core.generation import Message, Request, Sampling, Watch
from codelathe.core.gguf import read_gguf_header
from codelathe.core.judging import Candidate, Case, Limits, Status
from codelathe.core.modelref import parse_model_ref
from codelathe.core.problem import Problem, StdioExample
from codelathe.judge import SandboxJudge
from codelathe.text.chat import compile_chat_template
from codelathe.text.completeness import completion_watch
from codelathe.wiring import DEFAULT_MODEL, open_store

#: `chat` opens the answer's fence; `opened` also writes the signature and docstring into it.
PROTOCOLS = ("chat", "opened")
STOP = "\n```"
MAX_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Task:
    """One problem, as its file has it."""

    id: str
    prompt: str
    entry_point: str
    test: str


def load_tasks(data: Path | None, every: int) -> list[Task]:
    """Every `every`-th problem of the file, whole rounds only (32 of 164 for 5)."""
    path = data or Path(os.environ.get("CODELATHE_DATA", ".")) / "HumanEval.jsonl.gz"
    if not path.exists():
        raise SystemExit(f"no {path}: name the file with --data or its folder with CODELATHE_DATA")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rows = rows[: len(rows) // every * every : every]
    return [Task(r["task_id"], r["prompt"], r["entry_point"], r["test"]) for r in rows]


def default_model() -> Path:
    """The default model's file, fetched where it is missing."""
    return open_store().obtain(parse_model_ref(DEFAULT_MODEL)).path


def template(model: Path) -> Callable[[Sequence[Message]], str]:
    header = read_gguf_header(model)
    bos, eos = header.special_token("bos"), header.special_token("eos")
    return compile_chat_template(header.chat_template, bos_token=bos, eos_token=eos)


def request(task: Task, protocol: str) -> Request:
    text = f"Complete this Python function.\n```python\n{task.prompt.strip()}\n```"
    return Request(
        messages=(Message("user", text),),
        prefill="```python\n" + head(task, protocol),
        sampling=Sampling(max_tokens=MAX_TOKENS, stop=(STOP,)),
    )


def head(task: Task, protocol: str) -> str:
    """The code that an answer goes on from."""
    return task.prompt.rstrip() + "\n" if protocol == "opened" else ""


def watch(tasks: Sequence[Task], protocol: str) -> Watch:
    """Ends each answer when its function is complete."""
    watches = [
        completion_watch(
            Problem(prompt=t.prompt, entry_point=t.entry_point), True, head(t, protocol)
        )
        for t in tasks
    ]
    return lambda index, choice, text: watches[index](index, choice, text)


def judge(tasks: Sequence[Task], answers: Mapping[str, str], protocol: str) -> dict[str, bool]:
    """Which tasks' answers pass their tests: each run as a whole program that ends in a nonce."""
    chosen = [task for task in tasks if task.id in answers]
    cases = []
    for task in chosen:
        nonce = secrets.token_hex(16)
        body = "" if protocol == "opened" else "    pass\n\n"
        program = (
            f"{task.prompt}{body}{answers[task.id]}\n\n{task.test}\n"
            f"check({task.entry_point})\nprint({nonce!r})\n"
        )
        cases.append(Case(Candidate(program), (StdioExample("", nonce),), Limits(seconds=10.0)))
    sandbox = SandboxJudge()
    try:
        verdicts = list(sandbox.judge(cases))
    finally:
        sandbox.close()
    return {
        task.id: verdict[0].status is Status.PASSED
        for task, verdict in zip(chosen, verdicts, strict=True)
    }


def paired_p(first: Mapping[str, bool], second: Mapping[str, bool]) -> tuple[int, int, float]:
    """Tasks only the first passed, only the second passed, and McNemar's exact p."""
    only_first = sum(first[t] and not second[t] for t in first)
    only_second = sum(second[t] and not first[t] for t in first)
    n, k = only_first + only_second, min(only_first, only_second)
    p = 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n if n else 1.0
    return only_first, only_second, min(1.0, p)
