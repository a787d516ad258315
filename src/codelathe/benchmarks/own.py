"""A user's own benchmark: a JSON Lines file with the fields of Problem, one problem a line.

    {"prompt": "Reverse a string.", "entry_point": "reverse",
     "examples": [{"input": "'ab'", "output": "'ba'"}], "tests": "assert reverse('') == ''"}

`examples` are shown to the model, and each has to hold; `tests`, a program (or a list of
them) that raises where the code is wrong, are hidden. A problem has at least one of either.
`program: true` asks for a whole program: its examples are standard input and what it prints.
Besides: `id`, `language`, `canonical_solution`, which is held against the tests first, and
`context`: code that stands before every solution, such as a library that it may use. A model is
not shown it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codelathe.benchmarks.base import Benchmark, Opening, Task
from codelathe.benchmarks.data import Rows, read_rows, texts
from codelathe.benchmarks.humaneval import python_suite
from codelathe.core.errors import InputError
from codelathe.core.judging import Limits
from codelathe.core.language import parse_language
from codelathe.core.problem import Example, Problem, Suite
from codelathe.text.examples import parse_examples
from codelathe.text.syntax import DEFINITIONS, parse_module

_LIMITS = Limits(seconds=5.0, memory_mb=4096, output_bytes=1 << 24)
_KNOWN: dict[str, type | tuple[type, ...]] = {
    "prompt": str, "id": (str, int), "entry_point": str, "language": str, "program": bool,
    "examples": list, "tests": (str, list), "canonical_solution": str,
    "context": str,
}  # fmt: skip


def open_own(opening: Opening) -> Benchmark:
    """The benchmark in the file that `opening.name`, or else `opening.data`, names.

    Raises:
        InputError: it cannot be read, or a line is no problem; told with its number.
    """
    path = Path(opening.data or opening.name)
    found = read_rows(path, texts("prompt"))
    tasks: dict[str, Task] = {}
    for line, row in found:
        _check(found, line, row)
        try:
            task = _task(row, _id(row, path, line))
        except InputError as error:
            raise found.wrong(line, error.message, error.hint) from None
        if task.problem.id in tasks:
            raise found.wrong(line, f"a second problem {task.problem.id!r}")
        if not task.problem.examples and not task.problem.tests:
            raise found.wrong(line, "neither examples nor tests: nothing would decide")
        if not task.problem.entry_point and not task.problem.program:
            raise found.wrong(line, "no 'entry_point': which function is to be called?")
        tasks[task.problem.id] = task
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    return Benchmark(name, tasks, found.sha256, licence="your own", kind="own")


def _check(found: Rows, line: int, row: Mapping[str, Any]) -> None:
    for name, value in row.items():
        if name not in _KNOWN:
            raise found.wrong(line, f"unknown field {name!r}; known: {', '.join(_KNOWN)}")
        if not isinstance(value, _KNOWN[name]):
            raise found.wrong(line, f"{name!r} cannot be {value!r:.60}")
        if not _is_text(value):
            raise found.wrong(line, f"{name!r} has half a surrogate pair, which is no text")
    if not row["prompt"].strip():
        raise found.wrong(line, "the prompt is empty")


def _is_text(value: Any) -> bool:
    """Whether all that is in a value of JSON can be written down."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _id(row: Mapping[str, Any], path: Path, line: int) -> str:
    return str(row["id"]) if "id" in row else f"{path.name.partition('.')[0]}/{line}"


def _task(row: Mapping[str, Any], id_: str) -> Task:
    entry, program = row.get("entry_point", ""), row.get("program", False)
    language = parse_language(row.get("language", "python")).key
    problem = Problem(
        row["prompt"],
        id=id_,
        language=language,
        entry_point="" if program else entry,
        program=program,
        examples=_examples(row.get("examples", []), program=program),
        tests=tuple(_suite(source, entry, language) for source in _tests(row.get("tests", []))),
    )
    context = row.get("context", "")
    prefix = f"{context.rstrip()}\n\n\n" if context.strip() else ""
    canonical = row.get("canonical_solution", "")
    return Task(problem, prefix + canonical if canonical else "", _LIMITS, prefix)


def _examples(rows: list[Any], *, program: bool) -> tuple[Example, ...]:
    for row in rows:
        if not isinstance(row, dict) or set(row) != {"input", "output"}:
            raise InputError(f'an example is {{"input": ..., "output": ...}}, not {row!r:.60}')
        if not all(isinstance(side, str) for side in row.values()):
            raise InputError(f"the sides of an example are text (literals), not {row!r:.60}")
    return parse_examples([r["input"] for r in rows], [r["output"] for r in rows], program=program)


def _tests(given: str | list[Any]) -> list[str]:
    """The tests that there are: an empty one would let everything pass."""
    sources = [given] if isinstance(given, str) else given
    for source in sources:
        if not isinstance(source, str):
            raise InputError(f"a test is a program, as text, not {source!r:.60}")
    return [source for source in sources if source.strip()]


def _suite(source: str, entry: str, language: str) -> Suite:
    if language != "python":
        return Suite(source)
    try:
        body, suite = parse_module(source).body, python_suite(source, entry)
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        raise InputError(f"a test is no Python: {error.msg}{where}") from None
    if all(map(_is_idle, body)):
        raise InputError(
            "a test only defines things and runs none of them, so that everything would pass",
            hint="call what it defines, or write its assert statements at its top level",
        )
    return suite


def _is_idle(statement: ast.stmt) -> bool:
    """Whether it can fail for no candidate: a definition, an import, a docstring."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, (*DEFINITIONS, ast.Import, ast.ImportFrom, ast.Pass))
