"""The value codec's writing side: a value of whatever program becomes JSON's own types, counted."""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from codelathe.judge.codec_kinds import (
    MAX_DEPTH,
    MAX_INT_BITS,
    MAX_ITEMS,
    MAX_ITERATED,
    MAX_RATIO_BITS,
    TooLarge,
)

_JSON_INT = 1 << 53

_EMPTY: tuple[Any, ...] = ((), [], "", "é", b"", {}, set(), range(0), {}.values(), {}.items())
_ITERATORS = (
    *(type(iter(c)) for c in _EMPTY),
    type(_ for _ in ""),
    type(reversed([])),
    type(iter(range(1 << 70))),
    map,
    filter,
    zip,
    enumerate,
    reversed,
)
_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))  # type: ignore[var-annotated]
_SEQUENCES: dict[type, str] = {list: "l", tuple: "t", set: "S", frozenset: "F"}
_MAPPINGS: dict[type, str] = {dict: "d", Counter: "C", OrderedDict: "O", defaultdict: "D"}


class _Encoder:
    """Keeps count while a value is turned into JSON's own types."""

    def __init__(self, max_bytes: int, plain: bool) -> None:
        self._bytes = max_bytes
        self._plain = plain
        self._items = MAX_ITEMS

    def encode(self, value: Any, depth: int = 0) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if depth > MAX_DEPTH:
            raise TooLarge(f"nested deeper than {MAX_DEPTH}")
        self._items -= 1
        if self._items < 0:
            raise TooLarge(f"more than {MAX_ITEMS} items")
        leaf = _LEAVES.get(kind)
        if leaf is not None:
            return self._spend(leaf(value))
        return self._compound(value, kind, depth + 1)

    def _spend(self, encoded: Any) -> Any:
        self._bytes -= len(encoded) if type(encoded) is str else len(str(encoded))
        if self._bytes < 0:
            raise TooLarge("larger than the limit on bytes")
        return encoded

    def _compound(self, value: Any, kind: type, depth: int) -> Any:
        if kind in _SEQUENCES:
            items = kind.__iter__(value)  # type: ignore[attr-defined]
            return [_SEQUENCES[kind], *(self.encode(v, depth) for v in items)]
        if kind in _MAPPINGS:
            flat = (x for pair in kind.items(value) for x in pair)  # type: ignore[attr-defined]
            return [_MAPPINGS[kind], *(self.encode(x, depth) for x in flat)]
        if kind is deque:
            return ["q", value.maxlen, *(self.encode(v, depth) for v in value)]
        if kind.__module__ == "numpy" and (tree := self._numeric(value, kind)) is not None:
            return tree
        if self._plain:
            raise TypeError(f"{_type_name(kind)} is not plain data")
        if kind in _ITERATORS:
            return ["I", kind.__name__, *self._iterated(value, depth)]
        if kind in _VIEWS:
            return ["V", kind.__name__, *(self.encode(v, depth) for v in value)]
        base = _equal_base(kind)
        if base is None:
            return ["o", _type_name(kind)]
        leaf = _LEAVES.get(base)
        return self._compound(value, base, depth) if leaf is None else self._spend(leaf(value))

    def _numeric(self, value: Any, kind: type) -> Any:
        """A number, a text or an array of numpy; None for what else there is in it."""
        numpy = sys.modules["numpy"]
        if kind is numpy.str_ or kind is numpy.bytes_:
            base = str if kind is numpy.str_ else bytes
            return self._spend(_LEAVES[base](base(value)))
        if kind is numpy.ndarray:
            if value.dtype.kind not in "biufcSU" or value.dtype.itemsize == 0:
                return None
            self._items -= value.size
            self._bytes -= 2 * value.nbytes
            if min(self._items, self._bytes) < 0:
                raise TooLarge("an array larger than the limit")
            return ["N", value.dtype.str, list(value.shape), value.tobytes().hex()]
        if issubclass(kind, numpy.generic) and value.dtype.kind in "biufc":
            return self._spend(["n", value.dtype.str, value.tobytes().hex()])
        return None

    def _iterated(self, value: Iterator[Any], depth: int) -> Iterator[Any]:
        for i, item in enumerate(value):
            if i >= MAX_ITERATED:
                raise TooLarge(f"an iterator of more than {MAX_ITERATED} items")
            yield self.encode(item, depth)


def _equal_base(kind: type) -> type | None:
    """The type of data that a class inherits from, where it also inherits its equality."""
    known = (b for b in kind.__mro__ if b in _LEAVES or b in _SEQUENCES or b in _MAPPINGS)
    base = next(known, None)
    return base if base is not None and kind.__eq__ is base.__eq__ else None


def _type_name(kind: type) -> str:
    # `type.__name__`'s own getter: a metaclass must not be able to run code or lie here.
    name = type.__dict__["__name__"].__get__(kind)
    return str(name)[:100].encode("ascii", "replace").decode()


def _int(value: int) -> Any:
    if -_JSON_INT < value < _JSON_INT:
        return value
    if value.bit_length() > MAX_INT_BITS:
        raise TooLarge(f"an integer of {value.bit_length()} bits")
    return ["i", hex(value)]


def _str(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:  # lone surrogates, which JSON would join to pairs
        return ["u", value.encode("utf-8", "surrogatepass").hex()]
    return value


def _fraction(value: Fraction) -> Any:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_RATIO_BITS:
        raise TooLarge("a fraction of too many digits")
    return ["R", hex(value.numerator), hex(value.denominator)]


_LEAVES: dict[type, Callable[[Any], Any]] = {
    int: _int,
    str: _str,
    float: lambda v: ["f", v.hex()],
    bytes: lambda v: ["b", v.hex()],
    bytearray: lambda v: ["B", v.hex()],
    complex: lambda v: ["c", v.real.hex(), v.imag.hex()],
    range: lambda v: ["r", *(hex(x) for x in (v.start, v.stop, v.step))],
    Decimal: lambda v: ["m", str(v)],
    Fraction: _fraction,
}


def encode(value: Any, max_bytes: int = 1 << 20, *, plain: bool = False) -> Any:
    """`value` as nested lists, strings, numbers, booleans and None, ready for JSON.

    What is not data becomes opaque, unless all has to be `plain`.

    Raises:
        TooLarge: it is over a cap; `max_bytes` bounds what its leaves take as text.
        TypeError: something in it is not plain data.
    """
    try:
        return _Encoder(max_bytes, plain).encode(value)
    except RecursionError:
        raise TooLarge(f"nested deeper than {MAX_DEPTH}") from None
