"""Does a tuned model learn a library that nobody knows, without forgetting what it could?

A library is invented, with names drawn by a seed (`inhouse.py`). `lathe tune` learns from its
documentation and 200 examples; held-out tasks, whose orders of functions, fields, numbers and
names no example has, are judged by running what the model writes, before and after, and so is
HumanEval, through the gate. For comparison the model before is also asked
with the whole documentation in front of each task.

    python benches/learns.py --work /tmp/learns --json learns.json
    python benches/learns.py --work /tmp/learns --model qwen2.5-coder-1.5b --epochs 1.5 --every 4
    python benches/learns.py --work /tmp/learns --data-only
"""

from __future__ import annotations

import argparse
import builtins
import json
import random
import re
import subprocess
import symtable
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from codelathe.benchmarks.humaneval import python_suite
from codelathe.core.generation import Sampling
from codelathe.core.judging import Candidate, Case, Limits, Status
from codelathe.core.problem import Problem
from codelathe.text.prompts import solve_request
from codelathe.training.repository.choosing import worth_learning
from codelathe.training.repository.python import PythonSource
from codelathe.wiring import open_judge
from inhouse import Library, Task, make_cases, make_library, make_tasks, neighbours

_NGRAM = 8
_SHORT = 500
"""Characters of a general function."""
_HEAD = re.compile(r"^def (\w+\([^)]*\))", re.MULTILINE)
_TOKEN = re.compile(r"\w+|[^\w\s]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for all of it")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--tasks", type=int, default=60, help="held out")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--general", type=int, default=150, help="rows that are not of the library")
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument(
        "--every", type=int, default=1, help="of HumanEval; a small model passes too few of a part"
    )
    parser.add_argument("--data-only", action="store_true", help="make and check the data")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    figures = make_data(options)
    print(
        f"{figures['rows']} rows ({options.examples} examples, {options.general} general), "
        f"{options.tasks} held-out tasks; "
        f"{figures['judged']}; of a held-out solution's {_NGRAM}-grams {figures['shared']:.0%} "
        "stand in examples"
    )
    if options.data_only:
        return
    figures |= tune_and_gate(options)
    figures["with_documentation"] = ask_with_documentation(options)
    show(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def make_data(options: argparse.Namespace) -> dict[str, Any]:
    """Write rows, tasks and a recipe, and prove that the tasks judge what they should."""
    library = make_library(options.seed)
    examples, held = make_tasks(library, options.examples, options.tasks, options.seed)
    rows = [*documentation_rows(library), *(example_row(library, task) for task in examples)]
    rows += general_rows(options.general, options.seed)
    random.Random(options.seed).shuffle(rows)
    problems = [problem(library, task, options.seed) for task in held]
    write(options.work / "rows.jsonl", rows)
    write(options.work / "tasks.jsonl", problems)
    write(
        options.work / "tasks-with-documentation.jsonl",
        [{**p, "prompt": f"{library.documentation()}\n\n{p['prompt']}"} for p in problems],
    )
    (options.work / "library.py").write_text(library.source(), encoding="utf-8")
    (options.work / "library.md").write_text(library.documentation() + "\n", encoding="utf-8")
    (options.work / "recipe.toml").write_text(recipe(options), encoding="utf-8")
    refuse_leaks(examples, held)
    return {
        "model": options.model,
        "seed": options.seed,
        "rows": len(rows),
        "examples": len(examples),
        "tasks": len(held),
        "judged": judge_data(library, held, problems),
        "shared": shared(library, examples, held),
    }


def example_row(library: Library, task: Task) -> dict[str, str]:
    """An example in the words that the gate will ask in."""
    asked = Problem(library.prompt(task), entry_point=task.name)
    words = solve_request(asked, Sampling()).messages[0].content
    return {"instruction": words, "output": f"```python\n{library.solution(task)}```"}


def documentation_rows(library: Library) -> Iterator[dict[str, str]]:
    """What the documentation says, each function both ways."""
    for word in library.words.values():
        entry = library.entry(word)
        yield {
            "instruction": f"What does `{word.name}` of our library {library.module} do?",
            "output": entry,
        }
        yield {
            "instruction": f"In our library {library.module}, what is called for {word.jargon}?",
            "output": entry,
        }


def general_rows(count: int, seed: int) -> list[dict[str, str]]:
    """Short documented functions of Python's own library, asked in the same words as the examples.

    Without them a model learns to answer everything with the one library it has seen; asked in
    other words they do not help, since it then goes by the words. Each brings the imports that it
    uses: of functions that use what their file imports a model learns to import nothing.
    """
    rows = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        for function in PythonSource(text).functions():
            head = _HEAD.search(function.header)
            short = len(function.code) < _SHORT and not function.classes
            code = "\n\n\n".join(filter(None, (function.context, function.bare.strip())))
            if head and short and worth_learning(function) and stands_alone(code):
                told = " ".join(function.doc.split("\n\n")[0].split())
                asked = f"Write a Python function `{head[1]}`: {told}"
                words = solve_request(Problem(asked, entry_point=function.name), Sampling())
                output = f"```python\n{code}\n```"
                rows.append({"instruction": words.messages[0].content, "output": output})
    random.Random(seed).shuffle(rows)
    return rows[:count]


def stands_alone(code: str) -> bool:
    """Whether every name in the code is its own or Python's."""
    top = symtable.symtable(code, "row", "exec")
    own = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    waiting = [top]
    while waiting:
        table = waiting.pop()
        waiting.extend(table.get_children())
        used = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        if used - own - set(dir(builtins)):
            return False
    return True


def problem(library: Library, task: Task, seed: int) -> dict[str, str]:
    """A held-out task as a line of a problem file."""
    asserts = [
        f"assert {task.name}({records!r}) == {expected!r}"
        for records, expected in make_cases(library, task, seed)
    ]
    return {
        "id": task.name,
        "prompt": library.prompt(task),
        "entry_point": task.name,
        "tests": "\n".join(asserts),
        "context": library.context(),
        "canonical_solution": library.solution(task),
    }


def recipe(options: argparse.Namespace) -> str:
    return f"""\
# lathe tune {options.work / "recipe.toml"}
out = "{options.work / "tuned"}"

[model]
name = "{options.model}"

[data]
files = ["{options.work / "rows.jsonl"}"]
validation = 0
test = 0
near = 0
max_length = 512

[train]
epochs = {options.epochs}
learning_rate = {options.learning_rate}
rows = 1

[gate]
own = "{options.work / "tasks.jsonl"}"
every = {options.every}
"""


def write(path: Path, rows: Sequence[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def refuse_leaks(examples: Sequence[Task], held: Sequence[Task]) -> None:
    """Nothing that makes a held-out task is in an example but the functions themselves."""
    for what, of in (
        ("an order of functions", lambda t: {t.shape}),
        ("a name", lambda t: {t.name}),
        ("a field", lambda t: {s.field for s in (*t.steps, t.end)}),
        ("a number", lambda t: {s.number for s in t.steps if s.number}),
    ):
        both = set().union(*map(of, examples)) & set().union(*map(of, held))
        if both:
            sys.exit(f"{what} of a held-out task is in the examples: {both}")


def judge_data(library: Library, held: Sequence[Task], problems: Sequence[dict[str, str]]) -> str:
    """Run every canonical solution, which must pass, and every neighbour, which must not."""
    cases, right = [], []
    for task, told in zip(held, problems, strict=True):
        for other in (task, *neighbours(library, task)):
            code = f"{told['context']}\n\n{library.solution(other)}"
            candidate = Candidate(code, "python", task.name)
            cases.append(Case(candidate, (python_suite(told["tests"], task.name),), Limits(5.0)))
            right.append(other is task)
    judge = open_judge()
    passed = [all(v.status is Status.PASSED for v in found) for found in judge.judge(cases)]
    judge.close()
    if passed != right:
        wrong = [i for i, (one, two) in enumerate(zip(passed, right, strict=True)) if one != two]
        sys.exit(f"the tasks judge {len(wrong)} of {len(cases)} programs wrongly")
    return f"{sum(right)} canonical solutions pass, {len(right) - sum(right)} wrong ones do not"


def shared(library: Library, examples: Sequence[Task], held: Sequence[Task]) -> float:
    """The share of the held-out solutions' n-grams that stand in examples."""
    known = {gram for task in examples for gram in grams(library.solution(task))}
    asked = [gram for task in held for gram in grams(library.solution(task))]
    return sum(gram in known for gram in asked) / len(asked)


def grams(code: str) -> list[tuple[str, ...]]:
    tokens = _TOKEN.findall(code)
    return [tuple(tokens[i : i + _NGRAM]) for i in range(len(tokens) - _NGRAM + 1)]


def tune_and_gate(options: argparse.Namespace) -> dict[str, Any]:
    """Tune and gate by the command itself; both timed, the tuning by its own steps too."""
    began = time.monotonic()
    told = lathe("tune", str(options.work / "recipe.toml"), "--json", codes=(0, 3))
    seconds = time.monotonic() - began
    gate = json.loads((options.work / "tuned" / "gate.json").read_bytes())
    return {"whole_seconds": round(seconds, 1), "tuned": told, "gate": gate}


def ask_with_documentation(options: argparse.Namespace) -> dict[str, Any]:
    """What the model before makes of the tasks with the documentation in front of it."""
    told = lathe(
        "evaluate", str(options.work / "tasks-with-documentation.jsonl"), "--model", options.model,
        "--engine", "transformers", "--json", "--out", str(options.work / "with-documentation"),
    )  # fmt: skip
    return {"score": told["scores"]["pass@1"], "interval": told["intervals"]["pass@1"]}


def lathe(*words: str, codes: Sequence[int] = (0,)) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "codelathe", *words], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in codes:
        sys.exit(f"lathe {' '.join(words)} ended with {done.returncode}\n{done.stdout}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def show(figures: dict[str, Any]) -> None:
    for part, found in figures["gate"]["parts"].items():
        low, high = found["interval"]
        print(
            f"{part:<8} {found['before']['score']:.1%} -> {found['after']['score']:.1%}, change "
            f"{found['change'] * 100:+.1f} points, 95% in {low * 100:+.1f} to {high * 100:+.1f}, "
            f"{found['problems']} problems"
        )
    asked = figures["with_documentation"]
    print(f"before, with the documentation in the prompt: {asked['score']:.1%}")
    for tried in (figures["gate"]["frontier"] or {"attempts": ()})["attempts"]:
        scores = ", ".join(f"{p} {f['after']['score']:.1%}" for p, f in tried["parts"].items())
        print(f"  {tried['label']}: {scores}, {tried['outcome']}")
    tuned = figures["tuned"]
    print(
        f"gate: {figures['gate']['outcome']}; tuning {tuned['seconds']:.0f} s, "
        f"{tuned['tokens']:,} tokens at {tuned['tokens_per_second']:.0f}/s; with the gate "
        f"{figures['whole_seconds']:.0f} s"
    )


if __name__ == "__main__":
    main()
