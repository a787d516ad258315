"""The ways to compare that need no rules of another project's; each by its name's kind.

Every maker takes the text of its parameters and gives a comparer; none of these remembers
anything from one call to the next. A value that cannot be compared is not the expected one.
"""

from __future__ import annotations

import math
from typing import Any

from codelathe.core.errors import UsageError
from codelathe.core.problem import CallExample
from codelathe.judge.codec import Iterated
from codelathe.judge.compare import Comparer, TextComparer, same

_FAILS = (TypeError, ValueError, ArithmeticError, RecursionError)


def exact(parameters: str) -> Comparer:
    """Equal as `==` has it; nan equals nan."""
    _none("exact", parameters)
    return lambda example, got: same(example.value, got)


def truth(parameters: str) -> Comparer:
    """As true or as false as the value expected: `assert f(x)`, `assert not f(x)`.

    An object that is no data counts as true, as objects do that say nothing else; an empty
    view of a dictionary as false.
    """
    _none("truth", parameters)
    return lambda example, got: _truth(got) == bool(example.value)


def identical(parameters: str) -> Comparer:
    """The very object expected, which is None, True or False: `assert f(x) is True`."""
    _none("identical", parameters)
    return lambda example, got: got is example.value


def within(parameters: str) -> Comparer:
    """Nearer to the number expected than the parameter: `assert abs(f(x) - y) < 1e-6`."""
    epsilon = _number("within", parameters)
    return lambda example, got: _nearer(example, got, epsilon)


def unordered(parameters: str) -> Comparer:
    """The same items, each as often, in any order; of the same type. Else as `exact`."""
    _none("unordered", parameters)
    return lambda example, got: _unordered(example.value, got)


def lines(parameters: str) -> TextComparer:
    """Line by line, but for white space at the ends of lines and empty lines at the end."""
    _none("lines", parameters)
    return lambda expected, got: _lines(expected) == _lines(got)


def tokens(parameters: str) -> TextComparer:
    """Word by word, however they are spaced.

    With a tolerance (`tokens:1e-6`), two words that both are numbers, one of them written
    with a point or an exponent, may differ by that much, absolutely or relatively.
    """
    tolerance = _number("tokens", parameters) if parameters else None

    def compare(expected: str, got: str) -> bool:
        wanted, found = expected.split(), got.split()
        return len(wanted) == len(found) and all(
            _same_token(a, b, tolerance) for a, b in zip(wanted, found, strict=True)
        )

    return compare


def _none(kind: str, parameters: str) -> None:
    if parameters:
        raise UsageError(f"the comparer {kind!r} takes no parameter, not {parameters!r}")


def _number(kind: str, parameters: str) -> float:
    try:
        number = float(parameters)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise UsageError(
            f"the comparer {kind!r} takes a number above 0, not {parameters!r}",
            hint=f"for example {kind}:1e-6",
        )
    return number


def _truth(got: Any) -> bool:
    if isinstance(got, Iterated):
        return bool(got.items) or not got.kind.startswith("dict_")
    try:
        return bool(got)
    except _FAILS:
        return False


def _nearer(example: CallExample, got: Any, epsilon: float) -> bool:
    try:
        return bool(abs(got - example.value) < epsilon)
    except _FAILS:
        return False


def _unordered(expected: Any, got: Any) -> bool:
    if same(expected, got):
        return True
    if type(expected) is not type(got) or not isinstance(expected, list | tuple):
        return False
    if len(expected) != len(got):
        return False
    left = list(got)
    for item in expected:
        index = next((i for i, other in enumerate(left) if same(item, other)), None)
        if index is None:
            return False
        del left[index]
    return True


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _same_token(expected: str, got: str, tolerance: float | None) -> bool:
    if expected == got:
        return True
    if tolerance is None or not (_has_fraction(expected) or _has_fraction(got)):
        return False
    try:
        return math.isclose(float(expected), float(got), rel_tol=tolerance, abs_tol=tolerance)
    except ValueError:
        return False


def _has_fraction(token: str) -> bool:
    return any(sign in token for sign in ".eE")
