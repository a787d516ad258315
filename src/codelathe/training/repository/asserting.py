"""What test files assert, as plain asserts: pytest's functions and unittest's methods.

A parametrized test becomes one body for each row of literals, `self.assertEqual(a, b)` becomes
`assert a == b`. Nothing is run; a test that is given anything else is passed over.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence

#: Rows of one parametrized test that are read.
_ROWS = 50
_SET_UP = frozenset({"setUp", "setUpClass", "asyncSetUp", "tearDown"})


def asserted_bodies(tree: ast.Module) -> Iterator[str]:
    """The body of each test that needs nothing but its own text."""
    for node in tree.body:
        try:
            if isinstance(node, ast.FunctionDef):
                yield from _function_bodies(node)
            elif isinstance(node, ast.ClassDef):
                yield from _method_bodies(node)
        except RecursionError:  # nested deeper than it can be written out
            continue


def _function_bodies(node: ast.FunctionDef) -> Iterator[str]:
    names = _parameters(node.args)
    if not node.name.startswith("test") or names is None:
        return
    if not names and not node.decorator_list:
        yield _written(node.body)
    elif len(node.decorator_list) == 1:
        for values in _rows(node.decorator_list[0], names):
            yield _written([_Put(values).visit(s) for s in copy.deepcopy(node.body)])


def _method_bodies(node: ast.ClassDef) -> Iterator[str]:
    """The tests of a class that prepares nothing for them."""
    methods = [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
    if node.decorator_list or any(method.name in _SET_UP for method in methods):
        return
    for method in methods:
        alone = _parameters(method.args) == ("self",) and not method.decorator_list
        if method.name.startswith("test") and alone:
            yield _written([_plain(statement) for statement in method.body])


def _parameters(args: ast.arguments) -> tuple[str, ...] | None:
    """The names of plain parameters, None where there are any others."""
    if args.vararg or args.kwarg or args.kwonlyargs or args.posonlyargs or args.defaults:
        return None
    return tuple(arg.arg for arg in args.args)


def _rows(decorator: ast.expr, parameters: tuple[str, ...]) -> Iterator[dict[str, ast.expr]]:
    """What `pytest.mark.parametrize` gives a test, row by row; none if it is not all it takes."""
    match decorator:
        case ast.Call(
            ast.Attribute(attr="parametrize"),
            [written, ast.List(rows) | ast.Tuple(rows)],
        ):
            names = _names(written)
        case _:
            return
    if sorted(names) != sorted(parameters):
        return
    for row in rows[:_ROWS]:
        values: Sequence[ast.expr] = [row]
        if len(names) > 1:
            values = row.elts if isinstance(row, ast.Tuple | ast.List) else []
        if len(values) == len(names):
            yield dict(zip(names, values, strict=True))


def _names(written: ast.expr) -> list[str]:
    match written:
        case ast.Constant(str(text)):
            return [name.strip() for name in text.split(",") if name.strip()]
        case ast.Tuple(elements) | ast.List(elements):
            return [str(e.value) for e in elements if isinstance(e, ast.Constant)]
    return []


def _plain(statement: ast.stmt) -> ast.stmt:
    """A statement of unittest as an assert, any other as it is."""
    match statement:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name("self"), method), arguments)):
            pass
        case _:
            return statement
    test: ast.expr | None = None
    match method, arguments:
        case "assertEqual", [first, second, *_]:
            test = ast.Compare(first, [ast.Eq()], [second])
        case "assertTrue", [first, *_]:
            test = first
        case "assertFalse", [first, *_]:
            test = ast.UnaryOp(ast.Not(), first)
        case "assertIsNone", [first, *_]:
            test = ast.Compare(first, [ast.Is()], [ast.Constant(None)])
    return statement if test is None else ast.Assert(test)


class _Put(ast.NodeTransformer):
    """Puts values in the places of names."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._values.get(node.id, node) if isinstance(node.ctx, ast.Load) else node


def _written(body: list[ast.stmt]) -> str:
    return "\n".join(ast.unparse(statement) for statement in body)
