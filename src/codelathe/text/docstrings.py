"""Docstrings put into Python source so that nothing else of it changes.

Only the characters of the docstrings are touched: comments, line ends, indentation and
everything else stay as they are, except that a body on its header's line moves to a line
of its own. The result is parsed again, and refused if its syntax tree without docstrings
is not that of the source.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codelathe.core.errors import ProblemError
from codelathe.text.syntax import DEFINITIONS, parse_module

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_CLOSING = re.compile(r'"""|"\Z')
_WIDTH = 88
Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Docstring:
    """A docstring for the function or class whose `def` or `class` stands in `line`.

    `name` is its path: `Class.method`, `outer.inner`.
    """

    name: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or class in a source. Lines count from 1; `first` includes decorators."""

    name: str
    kind: str
    line: int
    first: int
    last: int
    documented: bool


def definitions(source: str) -> tuple[Definition, ...]:
    """All functions and classes of `source`, outer ones before inner ones.

    Raises:
        ProblemError: the source is no Python, with the line.
    """
    return tuple(
        Definition(
            name=name,
            kind="class" if isinstance(node, ast.ClassDef) else "function",
            line=node.lineno,
            first=min([node.lineno, *(d.lineno for d in node.decorator_list)]),
            last=node.end_lineno or node.lineno,
            documented=_docstring(node) is not None,
        )
        for name, node in _walk(_parse(source), "")
    )


def write_docstrings(source: str, docstrings: Sequence[Docstring]) -> str:
    """`source` with `docstrings` in place, those that it has already replaced.

    Raises:
        ProblemError: the source is no Python, has no such function or class, or cannot
            take a docstring without other changes.
    """
    tree = _parse(source)
    nodes = {(name, node.lineno): node for name, node in _walk(tree, "")}
    layout = _Layout(source)
    edits = []
    for docstring in docstrings:
        node = nodes.get((docstring.name, docstring.line))
        if node is None:
            raise ProblemError(f"there is no {docstring.name} in line {docstring.line}")
        text = plain_text(docstring.text)
        if text:
            edits.append(layout.edit(node, text))
    result = source
    for start, end, new in sorted(edits, reverse=True):
        result = result[:start] + new + result[end:]
    _verify(source, tree, result, docstrings)
    return result


def plain_text(text: str) -> str:
    """`text` as a docstring holds it: no odd characters, no margin, no blanks around."""
    lines = text.expandtabs(4).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = ("".join(c for c in line if c.isprintable()).rstrip() for line in lines)
    return inspect.cleandoc("\n".join(kept)).strip()


def wrapped(text: str, width: int) -> str:
    """`text` with its overlong lines broken; list items and indented lines keep a margin."""
    lines: list[str] = []
    for line in text.split("\n"):
        margin = line[: len(line) - len(line.lstrip())]
        hanging = margin + ("    " if margin else "")
        if line.lstrip().startswith((">>>", "...")):
            lines.append(line)
            continue
        broken = textwrap.wrap(
            line,
            max(width, 40),
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines.extend(broken or [""])
    return "\n".join(lines)


def without_docstrings(tree: ast.Module) -> ast.Module:
    """`tree` without any docstring; changed in place."""
    for node in ast.walk(tree):
        if isinstance(node, (*DEFINITIONS, ast.Module)) and _docstring(node) is not None:
            node.body = node.body[1:]
    return tree


class _Layout:
    """Where things stand in a source, as offsets into it."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._lines: list[str] = []
        self._ends: list[str] = []
        self._offsets: list[int] = []
        for match in _LINE.finditer(source):
            self._lines.append(match[1])
            self._ends.append(match[2])
            self._offsets.append(match.start())
        # Other line ends than "\n" would put the tokenizer out of step.
        reader = io.StringIO("\n".join(self._lines) + "\n")
        try:
            self._tokens = list(tokenize.generate_tokens(reader.readline))
        except (tokenize.TokenError, SyntaxError):
            raise _refusal() from None

    def edit(self, node: Documented, text: str) -> tuple[int, int, str]:
        """What to replace, from where to where, so that `node` gets `text` as its docstring."""
        eol = next((end for end in self._ends[node.lineno - 1 :] if end), "\n")
        old = _docstring(node)
        if old is not None:
            start, end = self._span(old)
            margin = self._margin(old.lineno) if self._begins_line(old) else self._inner(node)
            return start, end, _literal(text, margin, eol)
        first = node.body[0]
        line = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", []))])
        colon = self._header_end(node)
        if line > node.lineno and self._ends_line(colon):
            margin = self._margin(line)
            start = self._offsets[colon[0]]  # the line after the header's last one
            return start, start, f"{margin}{_literal(text, margin, eol)}{eol}"
        margin = self._inner(node)
        start = self._offsets[colon[0] - 1] + colon[1]
        new = f"{eol}{margin}{_literal(text, margin, eol)}{eol}{margin}"
        return start, self._span(first)[0], new

    def _span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return (
            self._offset(node.lineno, node.col_offset),
            self._offset(end_line, end_column),
        )

    def _offset(self, line: int, column: int) -> int:
        """The offset of a place that `ast` gives: its columns count bytes of UTF-8."""
        before = self._lines[line - 1].encode()[:column]
        return self._offsets[line - 1] + len(before.decode())

    def _margin(self, line: int) -> str:
        text = self._lines[line - 1]
        return text[: len(text) - len(text.lstrip())]

    def _begins_line(self, node: ast.expr) -> bool:
        return not self._lines[node.lineno - 1].encode()[: node.col_offset].strip()

    def _inner(self, node: Documented) -> str:
        """The indentation of a body that `node` does not have on its own lines yet."""
        margin = self._margin(node.lineno)
        indents = (token.string for token in self._tokens if token.type == tokenize.INDENT)
        unit = next(indents, "    ")
        return margin + ("\t" if margin.endswith("\t") else unit if unit.isspace() else "    ")

    def _header_end(self, node: Documented) -> tuple[int, int]:
        """The place right after the colon that ends the header: line from 1, column from 0."""
        start, body = (node.lineno, 0), node.body[0]
        end = (body.lineno, len(self._lines[body.lineno - 1].encode()[: body.col_offset].decode()))
        depth, colon = 0, start
        for token in self._tokens:
            if token.start < start:
                continue
            if token.start >= end or (token.type == tokenize.NEWLINE and depth == 0):
                break
            if token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
                if token.string == ":" and depth == 0:
                    colon = token.end
        return colon

    def _ends_line(self, colon: tuple[int, int]) -> bool:
        rest = self._lines[colon[0] - 1][colon[1] :].lstrip()
        return not rest or rest.startswith("#")


def _parse(source: str) -> ast.Module:
    try:
        return parse_module(source)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise ProblemError(
            f"this is not Python: {where}{error.msg}",
            hint="docstrings are written into Python that parses (Python 3)",
        ) from None


def _walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, Documented]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, DEFINITIONS):
            yield prefix + child.name, child
            yield from _walk(child, f"{prefix}{child.name}.")
        else:
            yield from _walk(child, prefix)


def _docstring(node: Documented | ast.Module) -> ast.Constant | None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return first.value if isinstance(first.value.value, str) else None
    return None


def _literal(text: str, margin: str, eol: str) -> str:
    """A triple-quoted literal of `text`, its further lines indented by `margin`."""
    text = wrapped(text, _WIDTH - len(margin.expandtabs(4)) - len('"""'))
    lines = text.split("\n")
    if len(lines) > 1:
        lines = [lines[0], *(margin + line if line else "" for line in lines[1:]), margin]
    body = eol.join(lines)
    prefix = ""
    if '"""' in body or body.endswith(('"', "\\")):
        body = _CLOSING.sub(lambda m: m[0].replace('"', '\\"'), body.replace("\\", "\\\\"))
    elif "\\" in body:
        prefix = "r"
    return f'{prefix}"""{body}"""'


def _verify(source: str, tree: ast.Module, result: str, docstrings: Sequence[Docstring]) -> None:
    """Refuse a result that differs from the source in more than the docstrings asked for."""
    try:
        new = parse_module(result)
    except SyntaxError:
        raise _refusal() from None
    asked = {(d.name, d.line): plain_text(d.text) for d in docstrings}
    for (name, old), (_, now) in zip(_walk(tree, ""), _walk(new, ""), strict=False):
        wanted, got = asked.get((name, old.lineno)), ast.get_docstring(now)
        if wanted and (got or "").split() != wanted.split():
            raise _refusal()
        if not wanted and got != ast.get_docstring(old):
            raise _refusal()
    if ast.dump(without_docstrings(parse_module(source))) != ast.dump(without_docstrings(new)):
        raise _refusal()


def _refusal() -> ProblemError:
    return ProblemError(
        "these docstrings cannot be put in place without changing the code",
        hint="write them by hand; nothing was changed",
    )
