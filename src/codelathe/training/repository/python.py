"""Python by its own parser: documented functions with what they need, and nodes to fill in."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cached_property

from codelathe.text.syntax import DEFINITIONS, FUNCTIONS, parse_module
from codelathe.training.repository.options import LeftOut
from codelathe.training.repository.rows import Function, Span

Definition = ast.FunctionDef | ast.AsyncFunctionDef
Placed = ast.stmt | ast.expr

_LONGEST_CONSTANT = 200
_TRIPLE = re.compile(r'"""|\'\'\'')


class PythonSource:
    """A Python file, parsed.

    Raises:
        LeftOut: it is no Python, or none of this version.
    """

    def __init__(self, text: str) -> None:
        try:
            self.tree = parse_module(text)
        except SyntaxError:
            raise LeftOut("syntax error") from None
        self.data = text.encode()
        self.lines = text.split("\n")

    def functions(self) -> Iterator[Function]:
        """Functions and methods that have a docstring and do something; not those inside them."""
        for node, classes in self._definitions():
            doc = _docstring(node)
            if doc is None or _is_stub(node) or not self._begins_line(doc):
                continue
            text = inspect.cleandoc(str(doc.value))
            end = doc.end_lineno or doc.lineno
            if not _is_text(text):
                continue
            first = first_line(node)
            code = self._without_margin(node, self.written(node))
            cut = slice(doc.lineno - first, end - first + 1)
            yield Function(
                name=".".join([*(c.name for c in classes), node.name]),
                language="python",
                context=self._context(node, classes),
                classes="\n".join(map(self._class_header, classes)),
                header="\n".join(self.lines[first - 1 : end]),
                code="\n".join(code),
                bare="\n".join([*code[: cut.start], *code[cut.stop :]]),
                doc=text,
            )

    def spans(self) -> Iterator[Span]:
        """Statements, expressions, blocks and function bodies, each a whole node or run of nodes.

        Nothing inside f-strings: before Python 3.12 their parts have no true places.
        """
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.JoinedStr):
                continue
            waiting.extend(ast.iter_child_nodes(node))
            if isinstance(node, FUNCTIONS):
                body = node.body[1:] if _docstring(node) else node.body
                if body:
                    yield self._span("body", body[0], body[-1])
            elif isinstance(node, ast.expr):
                if _is_expression(node):
                    yield self._span("expression", node, node)
            elif isinstance(node, ast.stmt | ast.ExceptHandler):
                yield from self._statement_spans(node)

    def named(self) -> dict[str, Definition]:
        """Each function by its name, methods as `Class.method`; the last of a name."""
        return {
            ".".join([*(c.name for c in classes), node.name]): node
            for node, classes in self._definitions()
        }

    def written(self, node: Definition) -> list[str]:
        """The lines of a function where they stand, decorators included."""
        return self.lines[first_line(node) - 1 : node.end_lineno]

    def moved(self, node: Definition) -> str:
        """The text of a function without a margin."""
        return "\n".join(self._without_margin(node, self.written(node)))

    def _definitions(self) -> Iterator[tuple[Definition, tuple[ast.ClassDef, ...]]]:
        waiting: list[tuple[ast.stmt, tuple[ast.ClassDef, ...]]]
        waiting = [(node, ()) for node in reversed(self.tree.body)]
        while waiting:
            node, classes = waiting.pop()
            if isinstance(node, FUNCTIONS):
                yield node, classes
            elif isinstance(node, ast.ClassDef):
                waiting.extend((n, (*classes, node)) for n in reversed(node.body))
            elif isinstance(node, ast.If | ast.Try):
                inner = [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)]
                waiting.extend((n, classes) for n in reversed(inner))

    def _statement_spans(self, node: ast.stmt | ast.ExceptHandler) -> Iterator[Span]:
        if isinstance(node, ast.stmt) and _is_statement(node):
            yield self._span("statement", node, node)
        if isinstance(node, ast.ClassDef):
            return
        for part in ("body", "orelse", "finalbody"):
            block = getattr(node, part, None)
            if isinstance(block, list) and block:
                yield self._span("block", block[0], block[-1])

    def _span(self, kind: str, first: Placed, last: Placed) -> Span:
        start = self._offsets[first.lineno - 1] + first.col_offset
        if decorators := getattr(first, "decorator_list", []):
            start = self._offsets[decorators[0].lineno - 1] + decorators[0].col_offset
            start = self.data.rindex(b"@", 0, start)
        end_line, end_column = last.end_lineno or last.lineno, last.end_col_offset or 0
        return Span(kind, start, self._offsets[end_line - 1] + end_column)

    def _text(self, node: ast.expr | ast.keyword) -> str:
        """A node as it is written, on one line."""
        start = self._offsets[node.lineno - 1] + node.col_offset
        end = self._offsets[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)
        return " ".join(self.data[start:end].decode().split())

    @cached_property
    def _offsets(self) -> list[int]:
        """The byte at which each line begins."""
        found = [0]
        for line in self.lines:
            found.append(found[-1] + len(line.encode()) + 1)
        return found

    def _begins_line(self, node: ast.expr) -> bool:
        before = self.lines[node.lineno - 1].encode()[: node.col_offset]
        after = self.lines[(node.end_lineno or node.lineno) - 1].encode()[node.end_col_offset :]
        return not before.strip() and not after.strip()

    def _without_margin(self, node: Definition, lines: list[str]) -> list[str]:
        """The lines of a function moved to the left; what stands in long strings stays."""
        margin = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
        if not margin:
            return lines
        kept: set[int] = set()
        doc = _docstring(node)
        for inner in ast.walk(node):
            if not isinstance(inner, ast.Constant | ast.JoinedStr) or inner is doc:
                continue
            end = inner.end_lineno or inner.lineno
            if end > inner.lineno and _TRIPLE.search("".join(self.lines[inner.lineno - 1 : end])):
                kept.update(range(inner.lineno + 1, end + 1))
        first = first_line(node)
        return [
            line if first + number in kept else line.removeprefix(margin)
            for number, line in enumerate(lines)
        ]

    def _context(self, node: Definition, classes: tuple[ast.ClassDef, ...]) -> str:
        """The imports and short constants that a function and the headers of its classes use."""
        places: list[ast.AST] = [node, *(base for outer in classes for base in outer.bases)]
        used = {n.id for place in places for n in ast.walk(place) if isinstance(n, ast.Name)}
        constants = [line for name, line in self._constants.items() if name in used]
        parts = ["\n".join(self._imports(used)), "\n".join(constants)]
        return "\n\n".join(part for part in parts if part)

    def _class_header(self, node: ast.ClassDef) -> str:
        given: list[ast.expr | ast.keyword] = [*node.bases, *node.keywords]
        bases = ", ".join(map(self._text, given))
        line = self.lines[node.lineno - 1]
        margin = line[: len(line) - len(line.lstrip())]
        return f"{margin}class {node.name}{f'({bases})' if bases else ''}:"

    def _imports(self, used: set[str]) -> Iterator[str]:
        """The import statements, cut down to the names that are used."""
        for node in self._import_statements:
            names = [a for a in node.names if (a.asname or a.name).partition(".")[0] in used]
            if not names:
                continue
            if isinstance(node, ast.Import):
                yield ast.unparse(ast.Import(names))
            else:
                yield ast.unparse(ast.ImportFrom(node.module, names, node.level))

    @cached_property
    def _import_statements(self) -> list[ast.Import | ast.ImportFrom]:
        found: list[ast.Import | ast.ImportFrom] = []
        waiting: list[ast.AST] = list(reversed(self.tree.body))
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Import | ast.ImportFrom):
                found.append(node)
            elif isinstance(node, ast.If | ast.Try | ast.ExceptHandler):
                waiting.extend(reversed(list(ast.iter_child_nodes(node))))
        return found

    @cached_property
    def _constants(self) -> dict[str, str]:
        """Top-level names with the one short line that sets them."""
        found = {}
        for node in self.tree.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            target = node.target if isinstance(node, ast.AnnAssign) else target
            if isinstance(target, ast.Name) and node.lineno == node.end_lineno:
                line = self.lines[node.lineno - 1]
                if len(line) <= _LONGEST_CONSTANT:
                    found[target.id] = line
        return found


def first_line(node: Definition) -> int:
    """The line a definition begins in, decorators included; lines count from 1."""
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])


def _docstring(node: Definition) -> ast.Constant | None:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return first.value if isinstance(first.value.value, str) else None
    return None


def _is_stub(node: Definition) -> bool:
    return all(
        isinstance(statement, ast.Pass)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        or (isinstance(statement, ast.Raise) and _raises_not_implemented(statement))
        for statement in node.body
    )


def _raises_not_implemented(node: ast.Raise) -> bool:
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _is_statement(node: ast.stmt) -> bool:
    """Whether it is one to fill in: no definition, no string that stands alone."""
    if isinstance(node, (*DEFINITIONS, ast.Pass)):
        return False
    return not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _is_expression(node: ast.expr) -> bool:
    if isinstance(node, ast.Name | ast.Constant | ast.Starred | ast.Slice):
        return False
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def _is_text(text: str) -> bool:
    """Whether a text can be written: an escape in a docstring may give half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
