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
from collections.abc import Sequence
from typing import Any

from codelathe.judge import evalplus_rules


def literal(value: Any) -> str:
    """`value` as Python source, where `inf`, `nan`, `infj` and the standard types have names."""
    try:
        return repr(value)
    except ValueError:  # an integer of more digits than Python turns into text
        return _with_long_integers(value)


def _with_long_integers(value: Any) -> str:
    kind = type(value)
    if kind is int:
        return hex(value)
    if kind is dict:
        return f"dict({_with_long_integers(list(value.items()))})"
    if kind in (list, tuple, set, frozenset):
        return f"{kind.__name__}([{', '.join(map(_with_long_integers, value))}])"
    return repr(value)


def program(
    dataset: str, entry_point: str, tolerance: float, inputs: Sequence[str], expected: Sequence[str]
) -> str:
    """The test of one problem; `inputs` and `expected` are literals, an input being a tuple."""
    return f"""\
def check_evalplus(candidate):
{textwrap.indent(_rules(), "    ")}
    from collections import Counter, OrderedDict, defaultdict, deque
    from decimal import Decimal
    from fractions import Fraction
    inf, nan = float("inf"), float("nan")
    infj, nanj = complex(0, inf), complex(0, nan)
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
