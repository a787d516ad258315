"""Tests written as asserts, read as data: which calls are made, what each must return.

`assert f(1) == 2` tells a call and a value. A test that is nothing but such asserts can be
decided from outside of the candidate's process, and only such a test is read here: what is
not surely the same as running it comes back as None. What may stand in it:

- asserts at the top, or in functions of one parameter that are called with the entry point
  (`def check(candidate): ...`, then `check(add)`), once or often, in the order they run;
- docstrings, `pass`, `assert True`, assignments of constants to names that nothing reads;
- constants, also written as arithmetic (`3 * 19`), `set([1])`, `float('inf')`, `tuple(...)`.

Never nan, which equals nothing; never a name, an import, a loop, or a call of anything else.
Nothing is run, and the arithmetic is bounded.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from codelathe.core.problem import CallExample
from codelathe.text.constants import CONSTRUCTORS, NotConstant, constant
from codelathe.text.syntax import parse_module

_READ = {"abs", *CONSTRUCTORS}  # builtins that mean themselves in what is read here
_CONSTANTS = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.List, ast.Tuple, ast.Set, ast.Dict)


@dataclass(frozen=True, slots=True)
class Asserted:
    """A test as data: the calls in their order, and the comparer that tells each from a failure.

    `comparer` is `exact` for `assert f(x) == y`; `truth` for `assert f(x)` and
    `assert not f(x)`, the value being True or False; `identical` for `is None`, `is True`,
    `is False`; `within:EPSILON` for `assert abs(f(x) - y) < EPSILON`. One for all calls.
    """

    calls: tuple[CallExample, ...]
    comparer: str


class _Unreadable(Exception):
    """Something that only running it can tell."""


def read_asserts(source: str, entry_point: str) -> Asserted | None:
    """The calls of `entry_point` that the test `source` makes, or None where it does more.

    At least one call; all of one kind of comparison.
    """
    try:
        tree = parse_module(source)
        if entry_point in _READ or _READ & _bound(tree):
            return None
        found = list(_module(tree.body, entry_point))
    except (SyntaxError, RecursionError, _Unreadable, NotConstant):
        return None
    comparers = {comparer for _, comparer in found}
    if len(comparers) != 1:
        return None
    return Asserted(tuple(call for call, _ in found), comparers.pop())


def called_functions(source: str) -> tuple[str, ...]:
    """The names that are called inside asserts of `source`, in order, each once."""
    try:
        tree = parse_module(source)
    except SyntaxError:
        return ()
    asserts = (node for node in ast.walk(tree) if isinstance(node, ast.Assert))
    calls = (node for found in asserts for node in ast.walk(found.test))
    names = (c.func.id for c in calls if isinstance(c, ast.Call) and isinstance(c.func, ast.Name))
    return tuple(dict.fromkeys(names))


def _bound(tree: ast.Module) -> set[str]:
    """The names of functions and parameters, and those assigned to."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name) | ast.arg(name) | ast.Name(name, ast.Store()):
                names.add(name)
    return names


_Found = Iterator[tuple[CallExample, str]]


def _module(body: Sequence[ast.stmt], entry: str) -> _Found:
    checks: dict[str, ast.FunctionDef] = {}
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            if statement.name == entry or not _takes_one(statement):
                raise _Unreadable
            checks[statement.name] = statement
        elif (name := _checked(statement, entry)) is not None:
            if name not in checks:
                raise _Unreadable
            check = checks[name]
            yield from _statements(check.body, check.args.args[0].arg, {name, entry})
        else:
            yield from _statements([statement], entry, {entry, *checks})


def _takes_one(function: ast.FunctionDef) -> bool:
    """Whether it is `def name(parameter):` and nothing about it is special."""
    args = function.args
    special = (
        args.posonlyargs, args.kwonlyargs, args.vararg, args.kwarg, args.defaults,
        function.decorator_list, function.type_params if hasattr(function, "type_params") else (),
        function.returns, *(arg.annotation for arg in args.args),
    )  # fmt: skip
    return len(args.args) == 1 and not any(special)


def _checked(statement: ast.stmt, entry: str) -> str | None:
    """`name` where the statement is `name(entry)`."""
    match statement:
        case ast.Expr(ast.Call(ast.Name(name), [ast.Name(given)], [])) if given == entry:
            return name
    return None


def _statements(body: Sequence[ast.stmt], name: str, taken: set[str]) -> _Found:
    """What the statements assert of the function called `name` in them."""
    for statement in body:
        if isinstance(statement, ast.Assert):
            yield from _assert(statement.test, name)
        elif not _without_effect(statement, {name, *taken}):
            raise _Unreadable


def _without_effect(statement: ast.stmt, taken: set[str]) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(ast.Constant()):
            return True
        case ast.Expr(ast.Name(name)):  # such as a `print` left without its parentheses
            return hasattr(builtins, name) and name not in taken
        case ast.Assign([ast.Name(name)], value):
            constant(value)
            return name not in taken and not hasattr(builtins, name)
    return False


def _assert(test: ast.expr, name: str) -> _Found:
    """The one call that an assert makes of `name`; none where it asserts a true constant."""
    match test:
        case ast.Call(ast.Name(called)) if called == name:
            yield _call(test, "True", True), "truth"
        case ast.UnaryOp(ast.Not(), ast.Call(ast.Name(called)) as call) if called == name:
            yield _call(call, "False", False), "truth"
        case ast.Compare(left, [operator], [right]):
            yield _comparison(left, operator, right, name)
        case _:
            if not (isinstance(test, _CONSTANTS) and constant(test)):
                raise _Unreadable


def _comparison(
    left: ast.expr, operator: ast.cmpop, right: ast.expr, name: str
) -> tuple[CallExample, str]:
    match operator, left, right:
        case ast.Eq(), ast.Call(ast.Name(called)) as call, other if called == name:
            return _call(call, ast.unparse(other), constant(other)), "exact"
        case ast.Eq(), other, ast.Call(ast.Name(called)) as call if called == name:
            return _call(call, ast.unparse(other), constant(other)), "exact"
        case ast.Is(), ast.Call(ast.Name(called)) as call, ast.Constant(None | True | False as v):
            if called == name:
                return _call(call, repr(v), v), "identical"
        case ast.Lt(), ast.Call(ast.Name("abs"), [ast.BinOp(call, ast.Sub(), other)], []), bound:
            epsilon, value = constant(bound), constant(other)
            if _is_call_of(call, name) and type(epsilon) is float and type(value) in (int, float):
                return _call(call, ast.unparse(other), value), f"within:{epsilon!r}"
    raise _Unreadable


def _is_call_of(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _call(call: ast.expr, expected: str, value: Any) -> CallExample:
    assert isinstance(call, ast.Call)
    args = tuple(constant(arg) for arg in call.args)
    kwargs = {k.arg: constant(k.value) for k in call.keywords if k.arg is not None}
    if len(kwargs) < len(call.keywords):  # one is unpacked, or comes twice
        raise _Unreadable
    written = ", ".join(
        [*map(ast.unparse, call.args), *(ast.unparse(keyword) for keyword in call.keywords)]
    )
    return CallExample(written, expected, args, value, kwargs)
