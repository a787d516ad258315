"""Python literals read from text without evaluating anything.

Beyond what `ast.literal_eval` takes: `set()`, `frozenset(...)`, `float('inf')`, the
names `inf` and `nan`, and JSON's `true`, `false` and `null`, none of which can mean
anything else where only literals are allowed. Names, calls, operators,
comprehensions, f-strings and `...` are refused with their place.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_LINE_END = re.compile(r"\r\n|\r|\n")

_NAMES: dict[str, Any] = {
    "inf": float("inf"),
    "nan": float("nan"),
    "true": True,
    "false": False,
    "null": None,
}


class NotLiteral(ValueError):
    """A text that is no literal: why, and where (line from 1, column from 0)."""

    def __init__(self, reason: str, line: int = 1, column: int = 0, name: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column
        self.name = name


def parse_literal(text: str) -> Any:
    """The value of one literal; several with commas between them are a tuple.

    Raises:
        NotLiteral: the text is empty or something other than a literal.
    """
    stripped = text.lstrip()
    if not stripped:
        raise NotLiteral("it is empty")
    lead = text[: len(text) - len(stripped)]
    try:
        return _read(stripped.rstrip(), literal_value)
    except NotLiteral as error:
        # `ast` saw the text without its leading space.
        error.column += len(lead.rpartition("\n")[2]) if error.line == 1 else 0
        error.line += lead.count("\n")
        raise


def parse_arguments(text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and keyword arguments written as `1, 'a', k=[2]`; none if empty.

    Raises:
        NotLiteral: the text is no list of literal arguments.
    """
    opening, last = "_(", len(_LINE_END.split(text))

    def arguments(node: ast.expr) -> tuple[tuple[Any, ...], dict[str, Any]]:
        # The parentheses of the call must be those put around the text: not so in `1)(2`.
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            raise NotLiteral("its parentheses do not match", 1, len(opening))
        return call_arguments(node)

    try:
        # The line break keeps a comment in the text from hiding the parenthesis.
        return _read(f"{opening}{text}\n)", arguments)
    except NotLiteral as error:
        if error.line == 1:
            error.column = max(error.column - len(opening), 0)
        if error.line > last:
            error.reason = "a bracket or a quote is not closed"
        raise


def call_arguments(node: ast.Call) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The literal arguments of a parsed call.

    Raises:
        NotLiteral: an argument is no literal, is unpacked, or a keyword comes twice.
    """
    args = tuple(literal_value(arg) for arg in node.args)
    kwargs: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise _refuse(keyword.value, "`**` cannot unpack here")
        if keyword.arg in kwargs:
            raise _refuse(keyword.value, f"the argument {keyword.arg!r} is given twice")
        kwargs[keyword.arg] = literal_value(keyword.value)
    return args, kwargs


def literal_value(node: ast.expr) -> Any:
    """The value that a parsed literal stands for.

    Raises:
        NotLiteral: the node, or one inside it, is no literal.
    """
    read = _READERS.get(type(node))
    if read is None:
        raise _refuse(node, "it is an expression, and nothing is evaluated")
    try:
        return read(node)
    except RecursionError:  # Python parses deeper than can be gone into
        raise NotLiteral("it is nested too deeply") from None


def _read(source: str, reader: Callable[[ast.expr], T]) -> T:
    try:
        return reader(_parse_expression(source))
    except _Refused as error:
        # `ast` counts columns in bytes of UTF-8.
        line = _LINE_END.split(source)[error.line - 1].encode()
        error.column = len(line[: error.column].decode(errors="replace"))
        raise


def _parse_expression(source: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # '\d' in a user's string is not our news
            return ast.parse(source, mode="eval").body
    except SyntaxError as error:
        line, offset = error.lineno or 1, error.offset or 1
        raise NotLiteral(error.msg, line, max(offset - 1, 0)) from None
    except (ValueError, RecursionError, MemoryError) as error:
        reason = "it is nested too deeply"
        if isinstance(error, ValueError):
            reason = "it has a character that no source may have (NUL or half a surrogate pair)"
        raise NotLiteral(reason) from None


class _Refused(NotLiteral):
    """A NotLiteral of a parsed node, whose column still counts bytes."""


def _refuse(node: ast.expr, reason: str, name: str = "") -> NotLiteral:
    return _Refused(reason, node.lineno, node.col_offset, name)


def _constant(node: ast.Constant) -> Any:
    if node.value is ...:
        raise _refuse(node, "`...` is no value")
    return node.value


def _name(node: ast.Name) -> Any:
    if node.id in _NAMES:
        return _NAMES[node.id]
    raise _refuse(node, f"{node.id!r} is a name, not a value", node.id)


def _hashable(node: ast.expr, value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        kind = type(value).__name__
        raise _refuse(node, f"a {kind} cannot be in a set or be a key") from None
    return value


def _set(node: ast.Set) -> set[Any]:
    return {_hashable(item, literal_value(item)) for item in node.elts}


def _dict(node: ast.Dict) -> dict[Any, Any]:
    pairs = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            raise _refuse(value, "`**` cannot unpack here")
        pairs[_hashable(key, literal_value(key))] = literal_value(value)
    return pairs


def _signed(node: ast.UnaryOp) -> Any:
    value = literal_value(node.operand)
    if isinstance(node.op, ast.USub | ast.UAdd) and _is_number(value):
        return -value if isinstance(node.op, ast.USub) else +value
    raise _refuse(node, "it is an expression, and nothing is evaluated")


def _complex(node: ast.BinOp) -> Any:
    """`1+2j`, the only operator that is part of a literal."""
    if isinstance(node.op, ast.Add | ast.Sub) and isinstance(node.right, ast.Constant):
        left, right = literal_value(node.left), node.right.value
        if _is_number(left) and not isinstance(left, complex) and isinstance(right, complex):
            return left + right if isinstance(node.op, ast.Add) else left - right
    raise _refuse(node, "it is an expression, and nothing is evaluated")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex) and not isinstance(value, bool)


def _constructor(node: ast.Call) -> Any:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in ("set", "frozenset", "float") and not node.keywords and len(node.args) <= 1:
        values = [literal_value(arg) for arg in node.args]
        allowed = str if name == "float" else (list, tuple, set, str)
        if not values or isinstance(values[0], allowed):
            return _construct(node, name, values)
    raise _refuse(node, "it is a call, and nothing is evaluated")


def _construct(node: ast.Call, name: str, values: list[Any]) -> Any:
    try:
        return {"set": set, "frozenset": frozenset, "float": float}[name](*values)
    except (TypeError, ValueError) as error:
        raise _refuse(node, str(error)) from None


_READERS: dict[type[ast.expr], Callable[[Any], Any]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Tuple: lambda node: tuple(literal_value(item) for item in node.elts),
    ast.List: lambda node: [literal_value(item) for item in node.elts],
    ast.Set: _set,
    ast.Dict: _dict,
    ast.UnaryOp: _signed,
    ast.BinOp: _complex,
    ast.Call: _constructor,
}
