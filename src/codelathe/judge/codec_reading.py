"""The value codec's reading side: JSON's types that anyone may have written become a value.

It builds plain values only, runs no code of the other side, and raises nothing but `CodecError`.
"""

from __future__ import annotations

import math
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from codelathe.judge.codec_kinds import (
    MAX_DEPTH,
    MAX_INT_BITS,
    MAX_RATIO_BITS,
    CodecError,
    Iterated,
    Opaque,
)

_MAX_DIMENSIONS = 32
_COMPARISONS = 1 << 18  # that keys of the same hash may cost whoever builds a set of them


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
    if max(len(top), len(bottom)) > MAX_RATIO_BITS // 4 + 4:
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
