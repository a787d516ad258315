"""EvalPlus's tests as programs: the inputs, what is expected, and the rules that compare them.

The judge decides them from outside, as calls; the program is for where a test has to run in
the candidate's own process. It carries the text of the rules, since nothing of codelathe is
at hand there, and keeps everything inside one function, since the candidate's globals must
not gain a name.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from codelathe.judge import evalplus_rules

_DIGITS = 1 << 13  # bits of an integer that Python surely reads in decimal
_BRACKETS: dict[type, str] = {list: "[{}]", set: "{{{}}}", frozenset: "frozenset([{}])"}
_PLAIN = (str, bytes, bool, float, complex, range, bytearray, type(None))  # their repr is source
_NAMED: dict[type, str] = {
    OrderedDict: "collections.OrderedDict({})",
    Counter: "collections.Counter({})",
    defaultdict: "collections.defaultdict(None, {})",
    deque: "collections.deque({})",
    Decimal: "decimal.Decimal({})",
    Fraction: "fractions.Fraction({})",
}


def literal(value: Any) -> str:
    """`value` as Python source, which may name inf, nan and the modules of standard types."""
    kind = type(value)
    if kind is int:
        return str(value) if value.bit_length() < _DIGITS else hex(value)
    if kind in _PLAIN:
        return repr(value)
    if kind is tuple:
        return f"({_joined(value)}{',' if len(value) == 1 else ''})"
    if kind is dict:
        return _dictionary(value)
    if kind in _BRACKETS and value:
        return _BRACKETS[kind].format(_joined(value))
    if kind in _BRACKETS:
        return f"{kind.__name__}()"
    if kind in _NAMED:
        return _NAMED[kind].format(_inner(value))
    raise TypeError(f"{kind.__name__} is no value of a test")


def _joined(values: Iterable[Any]) -> str:
    return ", ".join(map(literal, values))


def _dictionary(value: dict[Any, Any]) -> str:
    return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"


def _inner(value: Any) -> str:
    if isinstance(value, dict):
        return _dictionary(dict(value))
    if isinstance(value, Fraction):
        return f"{literal(value.numerator)}, {literal(value.denominator)}"
    if isinstance(value, deque):
        return f"[{_joined(value)}], {value.maxlen}"
    return repr(str(value))


def program(
    dataset: str, entry_point: str, tolerance: float, inputs: Sequence[str], expected: Sequence[str]
) -> str:
    """The test of one problem; `inputs` and `expected` are literals, an input being a tuple."""
    return f"""\
def check_evalplus(candidate):
{textwrap.indent(_rules(), "    ")}
    import collections, decimal, fractions
    inf, nan = float("inf"), float("nan")
    def inputs():
        return [{", ".join(inputs)}]
    expected = [{", ".join(expected)}]
    rules = Rules({dataset!r}, {entry_point!r}, {tolerance!r})
    for args, given, value in zip(inputs(), inputs(), expected):
        got = candidate(*args)
        assert rules.holds(given, value, got), f"{{given!r}} gave {{got!r}}, not {{value!r}}"

check_evalplus({entry_point})
"""


@functools.cache
def _rules() -> str:
    """The text of the rules without what only a reader or a type checker needs."""
    tree = ast.parse(inspect.getsource(evalplus_rules))
    return ast.unparse(ast.fix_missing_locations(_Bare().visit(tree)))


class _Bare(ast.NodeTransformer):
    """Takes docstrings, annotations and imports of no use away."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module in ("__future__", "typing") else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node
