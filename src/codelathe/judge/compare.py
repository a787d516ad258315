"""Comparing what came back with what was expected, outside the sandbox, and showing it.

Values: Python's own `==` on plain decoded data, as an `assert f(x) == y` would have it
(so `1 == 1.0` and `1 == True`, a list is not a tuple), except that nan equals nan.
Text: by lines, without white space at the ends of lines and without empty lines at the end.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

SHOWN = 2000
"""Characters of a value or of printed text that a verdict shows."""


def same(expected: Any, got: Any) -> bool:
    """Whether `got`, as decoded, is the value expected."""
    try:
        return _same(expected, got)
    except (TypeError, ValueError, ArithmeticError, RecursionError):
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


def same_text(expected: str, got: str) -> bool:
    """Whether printed text is the text expected."""
    return _lines(expected) == _lines(got)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


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
