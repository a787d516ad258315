"""Which lines of a file are meant, and where code falls into parts that can be told apart."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from codelathe.core.errors import ProblemError
from codelathe.text.syntax import DEFINITIONS, parse_module

_SELECTION = re.compile(r"(?P<path>.+):(?P<first>\d+)(?:-(?P<last>\d+))?")
_LINE_END = re.compile(r"\r\n|\r|\n")
#: A statement that is longer than this is told in parts; shorter simple ones are grouped.
_LONG = 8
_GROUP = 4


@dataclass(frozen=True, slots=True, order=True)
class Passage:
    """Lines `first` to `last` of a file, counted from 1, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"


def parse_selection(text: str) -> tuple[str, Passage | None]:
    """The path and the lines named by `FILE`, `FILE:10` or `FILE:10-20`.

    Raises:
        ProblemError: lines that cannot be: 0, or the last before the first.
    """
    match = _SELECTION.fullmatch(text)
    if match is None:
        return text, None
    first = int(match["first"])
    last = int(match["last"] or first)
    if not 1 <= first <= last:
        raise ProblemError(
            f"{text!r} does not name lines: they count from 1, the first before the last",
            hint=f"for example {match['path']}:10-20",
            field="lines",
        )
    return match["path"], Passage(first, last)


@lru_cache(maxsize=2)  # one text is asked about part by part
def split_lines(code: str) -> tuple[str, ...]:
    """The lines as editors and Python count them; a line end at the end opens none."""
    lines = _LINE_END.split(code)
    return tuple(lines[:-1] if lines[-1] == "" else lines)


def check_lines(code: str, lines: Passage, name: str = "the code") -> None:
    """Refuse lines that `code` does not have.

    Raises:
        ProblemError: with the number of lines of `name`.
    """
    count = len(split_lines(code))
    if lines.last > count:
        raise ProblemError(
            f"line {lines.last} is asked for, and {name} has {count} line{'s' * (count != 1)}",
            hint=f"lines 1-{count} can be chosen" if count else "the file is empty",
            field="lines",
        )


@lru_cache(maxsize=2)
def parts(code: str, language: str) -> tuple[Passage, ...]:
    """Passages worth one sentence each, in order: headers, statements, paragraphs.

    Blank lines and lone comments before a part count to it or to none.
    """
    lines = split_lines(code)
    if language == "python":
        try:
            body = parse_module("\n".join(lines)).body
        except SyntaxError:
            pass
        else:
            return tuple(_statements(body))
    return tuple(_paragraphs(lines))


def pieces(code: str, language: str, limit: int) -> tuple[Passage, ...]:
    """Passages of at most `limit` characters that cover `code`, cut where it falls apart.

    A part that alone is longer is cut by lines, and a longer line is a piece of its own.
    """
    lines = split_lines(code)
    cuts = [0, *(p.first - 1 for p in parts(code, language)), len(lines)]
    found: list[Passage] = []
    start = 0
    for end, following in pairwise([*dict.fromkeys(cuts), len(lines)]):
        if _size(lines[start:following]) > limit and end > start:
            found += _cut(lines, start, end, limit)
            start = end
    found += _cut(lines, start, len(lines), limit)
    return tuple(p for p in found if any(line.strip() for line in lines[p.first - 1 : p.last]))


def _cut(lines: Sequence[str], start: int, end: int, limit: int) -> Iterator[Passage]:
    begin = start
    for index in range(start, end):
        if index > begin and _size(lines[begin : index + 1]) > limit:
            yield Passage(begin + 1, index)
            begin = index
    if begin < end:
        yield Passage(begin + 1, end)


def _size(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _statements(body: Sequence[ast.stmt]) -> Iterator[Passage]:
    group: Passage | None = None
    for node in body:
        first, last = _extent(node)
        compound = bool(getattr(node, "body", None))
        near = group is not None and first <= group.last + 1 and last - group.first < _GROUP
        if group is not None and (compound or not near):
            yield group
            group = None
        if compound and last - first >= (_GROUP if isinstance(node, DEFINITIONS) else _LONG):
            yield from _compound(node)
        elif compound:
            yield Passage(first, last)
        else:
            group = Passage(group.first if group else first, max(last, group.last if group else 0))
    if group is not None:
        yield group


def _compound(node: ast.stmt) -> Iterator[Passage]:
    """A header with its docstring, then the parts of each body."""
    bodies = list(_bodies(node))
    first, last = _extent(node)
    inner = bodies[0]
    if isinstance(node, DEFINITIONS) and ast.get_docstring(node, clean=False) is not None:
        header_end = inner[0].end_lineno or first
        inner = inner[1:]
    else:
        header_end = _extent(inner[0])[0] - 1
    if header_end < first or header_end >= last:  # all of it on one line
        yield Passage(first, last)
        return
    yield Passage(first, header_end)
    yield from _statements(inner)
    for body in bodies[1:]:
        yield from _statements(body)


def _bodies(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    yield node.body  # type: ignore[attr-defined]  # compound statements only
    for handler in getattr(node, "handlers", []):
        yield handler.body
    for name in ("orelse", "finalbody"):
        if getattr(node, name, None):
            yield getattr(node, name)


def _extent(node: ast.stmt) -> tuple[int, int]:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(d.lineno for d in decorators)])
    return first, int(node.end_lineno or node.lineno)


def _paragraphs(lines: Sequence[str]) -> Iterator[Passage]:
    start: int | None = None
    for number, line in enumerate([*lines, ""], 1):
        if start is not None and (not line.strip() or number - start >= _LONG):
            yield Passage(start, number - 1)
            start = None
        if line.strip() and start is None:
            start = number
