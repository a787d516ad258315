"""What both sides of the value codec know: how much may come, what is no data, and the errors."""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 100
MAX_ITEMS = 4_000_000
MAX_INT_BITS = 1 << 18
MAX_ITERATED = 10_000
MAX_RATIO_BITS = 1 << 14  # a Fraction is reduced when built, which takes quadratic time


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
