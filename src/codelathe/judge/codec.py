"""Values as data: tagged JSON, exact types, capped.

Both sides of the sandbox's wall use it: the parent encodes arguments and decodes
what comes back, the candidate's process decodes arguments and encodes what a function
returned. Only built-in and standard types are data. A named tuple or an IntEnum arrives
as the tuple or the int that it is equal to; an instance of a class with an `__eq__` of
its own arrives as `Opaque`, which equals nothing. Decoding builds plain values only, runs
no code of the other side, and raises nothing but `CodecError`.

What is not kept: shared references inside a value, and a defaultdict's factory.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn

MAX_DEPTH = 100
MAX_ITEMS = 4_000_000
MAX_INT_BITS = 1 << 18
MAX_ITERATED = 10_000
_MAX_RATIO_BITS = 1 << 14  # a Fraction is reduced when built, which takes quadratic time
_MAX_DIMENSIONS = 32
_JSON_INT = 1 << 53
_COMPARISONS = 1 << 18  # that keys of the same hash may cost whoever builds a set of them


class CodecError(Exception):
    """Text that is no encoded value."""


class TooLarge(Exception):
    """A value over the caps on bytes, depth, items or digits."""


# No dataclasses: that module alone would be a seventh of what each candidate inherits.
class Opaque:
    """A value of a type that is not data. Equals nothing but itself."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<{self.kind} object>"


class Iterated:
    """An iterator and what it yielded. Like an iterator, it equals nothing but itself."""

    __slots__ = ("items", "kind")

    def __init__(self, kind: str, items: tuple[Any, ...]) -> None:
        self.kind = kind
        self.items = items

    def __repr__(self) -> str:
        return f"<{self.kind} yielding {list(self.items)!r}>"


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
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_RATIO_BITS:
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


def decode(tree: Any, decoders: Decoders | None = None) -> Any:
    """The value that `encode` made `tree` of. It trusts nothing.

    With the decoders `LIVE`, an iterator is one again; else it is `Iterated`.

    Raises:
        CodecError: `tree` is not what `encode` makes.
    """
    try:
        return _decode(tree, 0, decoders or _DECODERS)
    except CodecError:
        raise
    except (ValueError, TypeError, ArithmeticError, RecursionError) as e:
        raise CodecError(f"{type(e).__name__}: {e}") from None


def _decode(tree: Any, depth: int, decoders: Decoders) -> Any:
    if not isinstance(tree, list):
        if tree is None or isinstance(tree, bool | int | str):
            return tree
        raise CodecError(f"a bare {type(tree).__name__}")
    if depth > MAX_DEPTH or not tree:
        raise CodecError("too deep, or empty")
    tag, *rest = tree
    if type(tag) is not str or tag not in decoders:
        raise CodecError("an unknown tag")
    build, nested = decoders[tag]
    if nested:
        return build([_decode(item, depth + 1, decoders) for item in rest])
    return build(rest)


def _text(parts: list[Any], count: int = 1) -> list[str]:
    if len(parts) != count or not all(type(p) is str for p in parts):
        raise CodecError(f"expected {count} strings")
    return parts


def _hex_int(text: str) -> int:
    if len(text) > MAX_INT_BITS // 4 + 4:
        raise CodecError("an integer of too many digits")
    return int(text, 16)


def _decode_fraction(parts: list[Any]) -> Fraction:
    top, bottom = _text(parts, 2)
    if max(len(top), len(bottom)) > _MAX_RATIO_BITS // 4 + 4:
        raise CodecError("a fraction of too many digits")
    return Fraction(int(top, 16), int(bottom, 16))


def _hashable(items: Iterable[Any]) -> list[Any]:
    """`items`, unless so many share a hash that a set of them would take quadratic time.

    Some do without ill intent: -1 and -2 have one hash, and so have all tuples of them.
    """
    kept = list(items)
    if sum(n * n for n in Counter(map(hash, kept)).values()) > _COMPARISONS:
        raise CodecError("too many keys of one hash")
    return kept


def _pairs(flat: list[Any]) -> list[tuple[Any, Any]]:
    if len(flat) % 2:
        raise CodecError("a key without a value")
    return list(zip(_hashable(flat[::2]), flat[1::2], strict=True))


def _array(parts: list[Any]) -> Any:
    """An array, or with an empty shape a number, of numpy: this program's own, where it has one."""
    dtype, shape, data = parts
    if type(dtype) is not str or not re.fullmatch(r"[<>|][biufcSU][0-9]{1,7}", dtype):
        raise CodecError("an array of no such numbers")
    if type(shape) is not list or not all(type(n) is int and n >= 0 for n in shape):
        raise CodecError("an array of no such shape")
    try:
        import numpy
    except ImportError as e:
        raise CodecError("an array where there is no numpy") from e
    flat = numpy.frombuffer(bytearray.fromhex(data), dtype=dtype)
    if len(shape) > _MAX_DIMENSIONS or flat.size != math.prod(shape):
        raise CodecError("an array of another shape")
    if flat.dtype.kind == "b":
        flat = flat.view("u1") != 0  # a truth value has no other bits
    if flat.dtype.kind == "U":
        flat.tolist()  # which fails where there is no such character
    return flat.reshape(shape)


def _scalar(parts: list[Any]) -> Any:
    dtype, data = _text(parts, 2)
    array = _array([dtype, [], data])
    if array.dtype.kind in "SU":
        raise CodecError("a number that is none")
    return array[()]


def _named(parts: list[Any]) -> tuple[str, tuple[Any, ...]]:
    return _text(parts[:1])[0], tuple(parts[1:])


def _decode_deque(parts: list[Any]) -> deque[Any]:
    if not parts or not (parts[0] is None or type(parts[0]) is int):
        raise CodecError("a deque without its length")
    return deque(parts[1:], parts[0])


def _decimal(parts: list[Any]) -> Decimal:
    return Decimal(_text(parts)[0])


def _pair(value: Any) -> tuple[Any, Any]:
    if type(value) is not tuple or len(value) != 2:
        raise CodecError("no pair of a key and a value")
    return value


def _view(parts: list[Any]) -> Any:
    """A view of a dictionary. Those of keys and of items equal sets; one of values, nothing."""
    kind, items = _named(parts)
    if kind == "dict_keys":
        return dict.fromkeys(_hashable(items)).keys()
    if kind == "dict_items":
        return dict(_pairs([part for pair in items for part in _pair(pair)])).items()
    return Iterated(kind, items)


Decoders = Mapping[str, tuple[Callable[[list[Any]], Any], bool]]

#: tag -> (builder, whether its parts are encoded values)
_DECODERS: Decoders = {
    "l": (list, True),
    "t": (tuple, True),
    "S": (lambda p: set(_hashable(p)), True),
    "F": (lambda p: frozenset(_hashable(p)), True),
    "d": (lambda p: dict(_pairs(p)), True),
    "C": (lambda p: Counter(dict(_pairs(p))), True),
    "O": (lambda p: OrderedDict(_pairs(p)), True),
    "D": (lambda p: defaultdict(None, _pairs(p)), True),
    "q": (_decode_deque, True),
    "I": (lambda p: Iterated(*_named(p)), True),
    "V": (_view, True),
    "o": (lambda p: Opaque(*_text(p)), False),
    "i": (lambda p: _hex_int(*_text(p)), False),
    "f": (lambda p: float.fromhex(*_text(p)), False),
    "u": (lambda p: bytes.fromhex(*_text(p)).decode("utf-8", "surrogatepass"), False),
    "b": (lambda p: bytes.fromhex(*_text(p)), False),
    "B": (lambda p: bytearray.fromhex(*_text(p)), False),
    "c": (lambda p: complex(*(float.fromhex(x) for x in _text(p, 2))), False),
    "r": (lambda p: range(*(_hex_int(x) for x in _text(p, 3))), False),
    "n": (_scalar, False),
    "N": (_array, False),
    "m": (_decimal, False),
    "R": (_decode_fraction, False),
}

LIVE: Decoders = {**_DECODERS, "I": (lambda p: iter(_named(p)[1]), True)}


_write = json.JSONEncoder(separators=(",", ":")).encode


def dumps(tree: Any) -> bytes:
    """JSON text of an encoded value, or of a frame that holds some."""
    return _write(tree).encode("ascii")


def _no_number(text: str) -> NoReturn:
    raise CodecError(f"a number that is no small integer: {text[:20]}")


def _small_int(text: str) -> int:
    if len(text) > 17:
        raise CodecError("an integer of too many digits")
    return int(text)


_parse = json.JSONDecoder(
    parse_float=_no_number, parse_int=_small_int, parse_constant=_no_number
).decode


def loads(data: bytes) -> Any:
    """The tree in JSON text that anyone may have written.

    Raises:
        CodecError: it is not such text.
    """
    try:
        return _parse(data.decode("ascii"))
    except (ValueError, RecursionError) as e:
        raise CodecError(f"{type(e).__name__}: {e}") from None
