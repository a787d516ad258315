"""How a compression tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Heard = Callable[[str, int, int], None]
"""Is told of a stage, and how many of how many are done."""


def silent(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""
