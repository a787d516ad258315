"""The value of a Python expression that is made of nothing but constants.

More than a literal: arithmetic of numbers and text (`3 * 19`, `1.0 / 3`, `'a' * 5`), and
calls of `set`, `frozenset`, `list`, `tuple`, `dict`, `float`, `int`, `str`, `bool`,
`complex`, `range` with constants, as tests write them. The value is what Python itself
would compute; where that is not sure, or would be large, there is none. `nan` is no
constant, since comparing it tells nothing.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

_MOST = 10_000  # bits of a power, characters of a repetition, numbers of a range
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
CONSTRUCTORS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind
    for kind in (set, frozenset, list, tuple, dict, float, int, str, bool, complex, range)
}
"""The types that may be called, by the names they must not lose to anything else."""
_NUMBERS = (int, float, complex, bool)


class NotConstant(ValueError):
    """An expression whose value is not known without running it."""


def constant(node: ast.expr) -> Any:
    """The value of a parsed expression, built anew at each call.

    Raises:
        NotConstant: it holds anything but constants, or nan, or would be too large.
    """
    try:
        value = _value(node)
    except (TypeError, ValueError, ArithmeticError, RecursionError, MemoryError):
        raise NotConstant(ast.dump(node)[:200]) from None
    return value


def _value(node: ast.expr) -> Any:
    read = _READERS.get(type(node))
    if read is None:
        raise NotConstant(type(node).__name__)
    value = read(node)
    if isinstance(value, float | complex) and value != value:
        raise NotConstant("nan")
    return value


def _leaf(node: ast.Constant) -> Any:
    if node.value is ...:
        raise NotConstant("...")
    return node.value


def _dict(node: ast.Dict) -> dict[Any, Any]:
    pairs = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            raise NotConstant("**")
        pairs[_value(key)] = _value(value)
    return pairs


def _signed(node: ast.UnaryOp) -> Any:
    value = _value(node.operand)
    if not isinstance(value, _NUMBERS) or not isinstance(node.op, ast.UAdd | ast.USub):
        raise NotConstant("a sign before what is no number")
    return -value if isinstance(node.op, ast.USub) else +value


def _arithmetic(node: ast.BinOp) -> Any:
    left, right = _value(node.left), _value(node.right)
    compute = _OPERATORS.get(type(node.op))
    if compute is None or not _bounded(node.op, left, right):
        raise NotConstant("an operator")
    return compute(left, right)


def _bounded(op: ast.operator, left: Any, right: Any) -> bool:
    """Whether the result is of a sensible size, and the operator one of arithmetic here."""
    if isinstance(left, str | list | tuple):
        if isinstance(op, ast.Mult):
            return type(right) is int and len(left) * max(right, 0) <= _MOST
        return isinstance(op, ast.Add) and type(left) is type(right)
    if not (isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS)):
        return False
    if isinstance(op, ast.Pow) and isinstance(left, int) and isinstance(right, int):
        return abs(left).bit_length() * max(right, 0) <= _MOST
    return True


def _construct(node: ast.Call) -> Any:
    kind = CONSTRUCTORS.get(node.func.id) if isinstance(node.func, ast.Name) else None
    if kind is None or node.keywords:
        raise NotConstant("a call")
    value = kind(*map(_value, node.args))
    if isinstance(value, range) and len(value) > _MOST:
        raise NotConstant("a long range")
    return value


_READERS: dict[type[ast.expr], Callable[[Any], Any]] = {
    ast.Constant: _leaf,
    ast.Tuple: lambda node: tuple(map(_value, node.elts)),
    ast.List: lambda node: list(map(_value, node.elts)),
    ast.Set: lambda node: set(map(_value, node.elts)),
    ast.Dict: _dict,
    ast.UnaryOp: _signed,
    ast.BinOp: _arithmetic,
    ast.Call: _construct,
}
