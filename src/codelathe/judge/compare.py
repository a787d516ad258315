"""Comparing what came back with what was expected, outside the sandbox, and showing it.

Values: Python's own `==` on plain decoded data, as an `assert f(x) == y` would have it
(so `1 == 1.0` and `1 == True`, a list is not a tuple), except that nan equals nan.
Text: by lines, without white space at the ends of lines and without empty lines at the end.

Other ways to compare have names, and are called comparers: `comparer` makes those for values,
`same_text` takes the name of one for text. docs/benchmarks.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

from codelathe.core.problem import CallExample
from codelathe.core.registry import Registry

Comparer = Callable[[CallExample, Any], bool]
"""Tells whether what a call gave back, as decoded, is what was expected of it."""
TextComparer = Callable[[str, str], bool]
"""Tells whether text printed (the second) is the text expected (the first)."""

#: Makers of comparers: they are given what follows the name's first colon.
_VALUES = Registry(
    "comparer",
    {
        "exact": "codelathe.judge.comparers:exact",
        "truth": "codelathe.judge.comparers:truth",
        "identical": "codelathe.judge.comparers:identical",
        "within": "codelathe.judge.comparers:within",
        "unordered": "codelathe.judge.comparers:unordered",
        "evalplus": "codelathe.judge.evalplus:evalplus",
    },
)
_TEXTS = Registry(
    "comparer of text",
    {
        "lines": "codelathe.judge.comparers:lines",
        "tokens": "codelathe.judge.comparers:tokens",
    },
)

SHOWN = 2000
"""Characters of a value or of printed text that a verdict shows."""


def same(expected: Any, got: Any) -> bool:
    """Whether `got`, as decoded, is the value expected."""
    try:
        return _same(expected, got)
    except (TypeError, ValueError, ArithmeticError, RecursionError, MemoryError):
        # For example a signalling NaN of decimal, or a value nested past all sense.
        return False


def _same(expected: Any, got: Any) -> bool:
    if bool(expected == got):
        return True
    if isinstance(expected, float | complex) and isinstance(got, float | complex):
        return expected != expected and got != got  # both nan
    for kind in (list, tuple):
        if isinstance(expected, kind) and isinstance(got, kind):
            return len(expected) == len(got) and all(map(_same, expected, got))
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(_same(v, got[k]) for k, v in expected.items())
    if isinstance(expected, AbstractSet) and isinstance(got, AbstractSet):
        return len(expected) == len(got) and _sorted_out(expected) == _sorted_out(got)
    return False


def _sorted_out(values: AbstractSet[Any]) -> set[Any]:
    return {v for v in values if v == v}  # without nan


def same_text(expected: str, got: str, comparer: str = "lines") -> bool:
    """Whether printed text is the text expected, by the comparer of that name.

    Raises:
        UnknownName, UsageError: as `comparer`.
    """
    kind, _, parameters = comparer.partition(":")
    compare: TextComparer = _TEXTS.load(kind)(parameters)
    return compare(expected, got)


def comparer(name: str) -> Comparer:
    """A fresh comparer of values, for one run of a test: some remember what they met.

    `name` is a kind with its parameters after a colon, such as `within:1e-06`.

    Raises:
        UnknownName: there is no such kind.
        UsageError: its parameters make no sense.
    """
    kind, _, parameters = name.partition(":")
    made: Comparer = _VALUES.load(kind)(parameters)
    return made


def show(value: Any) -> str:
    """`value` as Python source, cut at `SHOWN` characters."""
    try:
        return clip(repr(value))
    except ValueError:  # an integer of more digits than Python turns into text
        if isinstance(value, int):
            return clip(hex(value))
        return f"<{type(value).__name__} holding an integer of thousands of digits>"
    except ArithmeticError:  # a Counter puts its counts in order, which nan has none in
        return f"<{type(value).__name__} holding nan>"


def clip(text: str) -> str:
    """`text`, cut at `SHOWN` characters, saying so; it can be written as UTF-8."""
    shown = text[:SHOWN].encode("utf-8", "backslashreplace").decode()
    return shown if len(text) <= SHOWN else f"{shown}… ({len(text)} characters)"
