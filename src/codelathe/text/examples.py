"""Examples as users write them, turned into values that a judge can run against.

A call's input is its literal argument list: `'hello'`, `[1, 2], k=3`, `(1, 2)` (one
tuple), `1, 2` (two arguments), nothing (no argument). Its expected output is one
literal. What counts as a literal is told in `codelathe.text.literals`. For programs
that read standard input both sides are plain text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from unicodedata import east_asian_width

from codelathe.core.errors import ProblemError
from codelathe.core.problem import CallExample, Example, StdioExample
from codelathe.text.literals import NotLiteral, parse_arguments, parse_literal

_WORDS = re.compile(r"[^\W\d][\w .,!?-]*")
_SHOWN = 60
_RECORD = 'write one object a line: {"input": "\'hello\'", "output": "\'olleh\'"}'


def parse_call_example(input: str, expected: str, index: int = 1) -> CallExample:  # noqa: A002
    """One example of a call; `index` (from 1) names it in errors.

    Raises:
        ProblemError: one of the two sides is no literal.
    """
    try:
        args, kwargs = parse_arguments(input)
    except NotLiteral as error:
        raise _explain(error, input, "input", index) from None
    try:
        value = parse_literal(expected)
    except NotLiteral as error:
        raise _explain(error, expected, "output", index) from None
    return CallExample(input, expected, args, value, kwargs)


def parse_examples(
    inputs: Sequence[str], outputs: Sequence[str], program: bool = False
) -> tuple[Example, ...]:
    """The examples of a problem; `inputs[i]` belongs to `outputs[i]`.

    Raises:
        ProblemError: the counts differ, or a side is no literal.
    """
    if len(inputs) != len(outputs):
        missing = "output" if len(inputs) > len(outputs) else "input"
        raise ProblemError(
            f"{_count(len(inputs), 'example input')} but {_count(len(outputs), 'example output')}",
            hint=f"give each example both sides; the {missing} of example "
            f"{min(len(inputs), len(outputs)) + 1} is missing",
            field=missing,
        )
    pairs = zip(inputs, outputs, strict=True)
    if program:
        return tuple(StdioExample(given, expected) for given, expected in pairs)
    return tuple(parse_call_example(*pair, index) for index, pair in enumerate(pairs, 1))


def load_examples_file(text: str, program: bool = False) -> tuple[Example, ...]:
    """Examples from JSON Lines, or from one JSON array, of `{"input": ..., "output": ...}`.

    A string is a literal as on the command line (for a program: the text itself). Any
    other JSON value is taken as it is: `[1, 2]` is one argument, a list.

    Raises:
        ProblemError: with the line at fault.
    """
    text = text.removeprefix("\ufeff")
    examples = []
    for index, (line, record) in enumerate(_records(text), 1):
        try:
            examples.append(_example(record, program, index))
        except ProblemError as error:
            raise ProblemError(
                f"examples file, line {line}: {error.message}",
                hint=error.hint,
                field=error.field or "examples",
            ) from None
    if not examples:
        raise ProblemError(
            "the examples file holds no example",
            hint=_RECORD,
            field="examples",
        )
    return tuple(examples)


def _records(text: str) -> Iterator[tuple[int, Any]]:
    """The JSON values of the file, each with the line on which it begins."""
    if text.lstrip().startswith("["):
        yield from _array_items(text)
        return
    # Only "\n" ends a JSON line; `splitlines` would also break inside strings.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _not_json(error, number) from None


def _array_items(text: str) -> Iterator[tuple[int, Any]]:
    decoder = json.JSONDecoder()
    position = text.index("[") + 1
    separator = re.compile(r"\s*,\s*")
    line, counted = 1, 0
    while True:
        position = _skip_space(text, position)
        if text[position : position + 1] == "]":
            break
        line, counted = line + text.count("\n", counted, position), position
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise _not_json(error, line) from None
        yield line, value
        position = _skip_space(text, position)
        if text[position : position + 1] == "]":
            break
        comma = separator.match(text, position)
        if comma is None:
            line = text.count("\n", 0, position) + 1
            raise _syntax(line, "expected ',' or ']' after an example")
        position = comma.end()
    rest = text[position + 1 :]
    if rest.strip():
        line = text.count("\n", 0, _skip_space(text, position + 1)) + 1
        raise _syntax(line, "there is more text after the closing ']'")


def _skip_space(text: str, position: int) -> int:
    while text[position : position + 1].isspace():
        position += 1
    return position


def _not_json(error: Exception, line: int) -> ProblemError:
    if isinstance(error, json.JSONDecodeError):
        # In JSON Lines each line was decoded alone, so its own line is always 1.
        number = line if "\n" not in error.doc else error.lineno
        return _syntax(number, f"not JSON: {error.msg} (column {error.colno})")
    too = "an integer is too long" if isinstance(error, ValueError) else "nested too deeply"
    return _syntax(line, f"not JSON that can be read: {too}")


def _syntax(line: int, what: str) -> ProblemError:
    return ProblemError(
        f"examples file, line {line}: {what}",
        hint=_RECORD,
        field="examples",
    )


def _example(record: Any, program: bool, index: int) -> Example:
    if not isinstance(record, dict) or set(record) != {"input", "output"}:
        found = ", ".join(sorted(record)) if isinstance(record, dict) else type(record).__name__
        raise ProblemError(
            f"example {index} must be an object with 'input' and 'output', not {found or 'empty'}",
            hint=_RECORD,
        )
    given, expected = record["input"], record["output"]
    if not program:
        return parse_call_example(_as_literal(given), _as_literal(expected), index)
    for side, value in (("input", given), ("output", expected)):
        if not isinstance(value, str):
            raise ProblemError(
                f"example {index}, {side}: a program reads and prints text, not {value!r}",
                hint=f"write it as a JSON string: {json.dumps(str(value))}",
                field=side,
            )
    return StdioExample(given, expected)


def _as_literal(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _explain(error: NotLiteral, text: str, side: str, index: int) -> ProblemError:
    return ProblemError(
        f"example {index}, {side}: {error.reason}{_caret(text, error)}",
        hint=_advice(error, text, side),
        field=side,
    )


def _caret(text: str, error: NotLiteral) -> str:
    """The place of the error: its column, the line, and a caret under it."""
    lines = text.split("\n")
    if not text.strip():
        return ""
    number = min(error.line, len(lines))
    line = lines[number - 1]
    column = min(error.column, len(line))
    start = max(0, column - _SHOWN // 2)
    shown = "".join(c if c.isprintable() else "�" for c in line[start : start + _SHOWN])
    where = f"line {number}, column {column + 1}" if len(lines) > 1 else f"column {column + 1}"
    indent = "".join("  " if east_asian_width(c) in "WF" else " " for c in line[start:column])
    return f" ({where})\n    {shown}\n    {indent}^"


def _advice(error: NotLiteral, text: str, side: str) -> str:
    if not text.strip():
        return "write the value that must be returned; for nothing write None"
    if _WORDS.fullmatch(text.strip()):
        return f"text is written in quotes: {text.strip()!r}"
    if error.name:
        return f"text is written in quotes: {error.name!r}"
    form = "'a', [1, 2], k=3" if side == "input" else "[1, 'a', None]"
    return f"write Python literals, for example {form}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
