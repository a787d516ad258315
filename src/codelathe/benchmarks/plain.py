"""Plain values as JSON text that is read fast, for files of our own.

Unlike the judge's codec it leaves lists, numbers and text as JSON has them, so that reading
them costs no Python; it keeps the types of everything else by objects of one key: `t` a
tuple, `s` a set, `d` a dictionary's pairs, `x` any other data, as the codec writes it.
"""

from __future__ import annotations

import json
from typing import Any

from codelathe.judge import codec

_BYTES = 1 << 30
_BITS = 1 << 13  # of integers that Python writes and reads in decimal without complaint


def dumps(value: Any) -> str:
    """`value` as one line of JSON.

    Raises:
        TypeError: something in it is not data.
    """
    return json.dumps(_encoded(value), separators=(",", ":"))


def loads(text: str | bytes) -> Any:
    """The value that `dumps` wrote.

    Raises:
        ValueError, codec.CodecError: it wrote something else.
    """
    return json.loads(text, object_hook=_decoded)


def _encoded(value: Any) -> Any:
    kind = type(value)
    if kind is list:
        return [_encoded(item) for item in value]
    if kind is tuple:
        return {"t": [_encoded(item) for item in value]}
    if kind is set:
        return {"s": [_encoded(item) for item in value]}
    if kind is dict:
        return {"d": [[_encoded(key), _encoded(item)] for key, item in value.items()]}
    if _native(kind, value):
        return value
    try:
        return {"x": codec.encode(value, _BYTES, plain=True)}
    except codec.TooLarge as error:
        raise TypeError(str(error)) from None


def _native(kind: type, value: Any) -> bool:
    """Whether JSON itself gives the value back, of the same type."""
    if kind is str:
        return str.isascii(value) or not any("\ud800" <= c <= "\udfff" for c in value)
    if kind is int:
        return bool(value.bit_length() < _BITS)
    return value is None or kind is bool or kind is float


def _decoded(tagged: dict[str, Any]) -> Any:
    if len(tagged) != 1:
        raise ValueError("an object of several keys")
    ((tag, inner),) = tagged.items()
    if tag == "t":
        return tuple(inner)
    if tag == "s":
        return set(inner)
    if tag == "d":
        return {key: value for key, value in inner}  # noqa: C416 -- checks that they are pairs
    if tag == "x":
        return codec.decode(inner)
    raise ValueError(f"an unknown tag {tag!r}")
