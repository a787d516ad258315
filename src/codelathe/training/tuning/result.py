"""What a tuning leaves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codelathe.core.errors import LatheError
from codelathe.core.modelref import parse_model_ref, path_ref


@dataclass(frozen=True, slots=True)
class Best:
    """The step with the lowest validation loss; its checkpoint is kept if one was written."""

    step: int
    validation: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came out. Losses are in nats a token that the loss counts.

    `kind` is `adapter` or `checkpoint`. `loss` is the mean over the last tenth of the steps,
    `validation_before` and `validation` are None where no rows were held out for it. `tokens`
    are those of documents, `supervised` those the loss counted; `seconds` is the time of steps;
    `peak_memory` in bytes, of the graphics card where there is one.
    """

    path: str
    kind: str
    steps: int
    loss: float
    validation_before: float | None
    validation: float | None
    best: Best | None
    tokens: int
    supervised: int
    seconds: float
    peak_memory: int

    @property
    def ref(self) -> str:
        """The ModelRef of the result."""
        return f"adapter:{self.path}" if self.kind == "adapter" else path_ref(self.path)

    @property
    def tokens_per_second(self) -> float:
        """Tokens of documents a second, while steps were computed."""
        return self.tokens / self.seconds if self.seconds else 0.0

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "ref": self.ref,
            **asdict(self),
            "tokens_per_second": round(self.tokens_per_second, 1),
        }

    @staticmethod
    def from_document(document: dict[str, Any]) -> Tuned:
        """What `document` was made of."""
        own = {k: v for k, v in document.items() if k not in ("ref", "tokens_per_second")}
        best = own.pop("best")
        return Tuned(best=Best(**best) if best else None, **own)


class TuningStopped(LatheError):
    """A tuning that cannot go on; what was kept is told in the hint."""


def durable_name(base: str) -> str:
    """The base's name, such that it is found from any folder."""
    ref = parse_model_ref(base)
    if ref.scheme not in ("path", "gguf"):
        return base
    path = str(Path(ref.name).expanduser().absolute())
    return f"gguf:{path}" if ref.scheme == "gguf" else path
