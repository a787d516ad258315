"""What a tuning tells while it runs, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Standing:
    """How far it is. `loss` is of the last step, `validation` the last one measured, if any.

    `tokens_per_second` counts tokens of documents, never padding, over the time of steps;
    `left` is in seconds.
    """

    step: int
    steps: int
    loss: float
    validation: float | None
    tokens_per_second: float
    left: float


class Listener(Protocol):
    """Is told how far it is, and what may not be what was meant."""

    def hear(self, now: Standing, /) -> None:
        """After every step."""

    def say(self, message: str, /) -> None:
        """A message to a person."""


class Silence:
    """Nobody listens."""

    def hear(self, now: Standing, /) -> None:
        """Nothing is shown."""

    def say(self, message: str, /) -> None:
        """Nothing is said."""
