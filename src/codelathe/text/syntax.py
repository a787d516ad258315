"""What Python source binds and uses, statement by statement, without running it.

Names are resolved as the compiler does (`symtable`): only those that a statement looks
up in the module's own scope count as used.
"""

from __future__ import annotations

import ast
import builtins
import symtable
import sys
import typing
import warnings
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

#: Names that code further down does not bring: what a model forgot to import stays forgotten.
_NEVER_LATER = frozenset(dir(builtins)) | sys.stdlib_module_names | frozenset(typing.__all__)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_NAMING = (*DEFINITIONS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Statement:
    """A top-level statement, the module's names that it binds and those that it uses."""

    node: ast.stmt
    binds: frozenset[str]
    uses: frozenset[str]

    @property
    def first(self) -> int:
        """Its first line, decorators included; lines count from 1."""
        decorators = getattr(self.node, "decorator_list", [])
        return min([self.node.lineno, *(int(d.lineno) for d in decorators)])

    @property
    def last(self) -> int:
        """Its last line."""
        return int(self.node.end_lineno or self.node.lineno)


def parse_module(source: str) -> ast.Module:
    """The syntax tree of `source`, without the warnings that parsing may give.

    Raises:
        SyntaxError: the source is no Python, whatever the reason.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error)) from None


def parses(source: str) -> bool:
    """Whether `source` is Python."""
    try:
        parse_module(source)
    except SyntaxError:
        return False
    return True


def undefined_names(source: str) -> set[str]:
    """Names that `source` looks up in its module and that neither it nor Python defines.

    Raises:
        SyntaxError: the source is no Python.
    """
    statements = top_level(source)
    bound = set().union(*(s.binds for s in statements))
    return set().union(*(s.uses for s in statements)) - bound - set(dir(builtins))


def top_level(source: str) -> tuple[Statement, ...]:
    """The top-level statements of `source`.

    Raises:
        SyntaxError: the source is no Python.
    """
    body = parse_module(source).body
    inner = _names_of_inner_scopes(source)
    statements = []
    for node in body:
        used = set(_own_names(node, ast.Load))
        last = node.end_lineno or node.lineno
        used.update(*(names for line, names in inner if node.lineno <= line <= last))
        statements.append(Statement(node, frozenset(_bound(node)), frozenset(used)))
    return tuple(statements)


def needed_names(statements: Collection[Statement], names: Iterable[str]) -> frozenset[str]:
    """`names` and all that the statements binding them use, directly or not."""
    needed = set(names)
    waiting = list(statements)
    while True:
        found = [s for s in waiting if s.binds & needed]
        if not found:
            return frozenset(needed)
        waiting = [s for s in waiting if not s.binds & needed]
        needed.update(*(s.uses for s in found))


def unresolved_names(statements: Collection[Statement], names: Iterable[str]) -> frozenset[str]:
    """What `names` need, directly or not, and neither the statements nor Python provide."""
    bound: set[str] = set().union(*(s.binds for s in statements))
    if "*" in bound:
        return frozenset()
    return needed_names(statements, names) - bound - _NEVER_LATER


def missing_names(statements: Collection[Statement]) -> frozenset[str]:
    """All names that the statements use and neither bind nor find among the builtins."""
    used: set[str] = set().union(*(s.uses for s in statements))
    bound: set[str] = set().union(*(s.binds for s in statements))
    return frozenset(used - bound - set(dir(builtins)))


def _names_of_inner_scopes(source: str) -> list[tuple[int, frozenset[str]]]:
    """The line of each scope directly inside the module, and the globals used in it."""
    try:
        table = symtable.symtable(source, "<text>", "exec")
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error)) from None
    return [(child.get_lineno(), frozenset(_globals(child))) for child in table.get_children()]


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_global() and symbol.is_referenced():
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals(child)


def _own_names(node: ast.AST, context: type[ast.expr_context]) -> Iterator[str]:
    """Names in `node` that belong to the module's scope, bodies of inner scopes left out."""
    waiting = [node]  # no recursion: what a model repeats without end is nested without end
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, context):
                yield node.id
        elif isinstance(node, _COMPREHENSIONS):
            inside = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
            own = {n.id for n in inside if not isinstance(n.ctx, ast.Load)}
            if context is ast.Load:
                yield from (n.id for n in inside if n.id not in own)
        else:
            waiting.extend(_parts(node, but="body" if isinstance(node, _SCOPES) else ""))


def _parts(node: ast.AST, but: str) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name != but:
            parts = value if isinstance(value, list) else [value]
            yield from (part for part in parts if isinstance(part, ast.AST))


def _bound(node: ast.stmt) -> Iterator[str]:
    yield from _own_names(node, ast.Store)
    for inner in _outside_scopes(node):
        if isinstance(inner, ast.Import | ast.ImportFrom):
            yield from ((a.asname or a.name).partition(".")[0] for a in inner.names)
        elif isinstance(inner, _NAMING) and inner.name:
            yield inner.name
        elif isinstance(inner, ast.MatchMapping) and inner.rest:
            yield inner.rest


def _outside_scopes(node: ast.AST) -> Iterator[ast.AST]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting.extend(ast.iter_child_nodes(node))
