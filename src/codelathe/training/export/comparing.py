"""How far two forms of one model are apart, and how far they may be.

One form is asked first, greedily; the other is then led along those answers. Where both take
the same token at every place, their greedy texts are the same. The numbers are of the logits
at these places, in natural units (nats for the Kullback-Leibler divergence).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is still taken for the same model.

    `logits`: the largest difference of a logit, as a part of the largest logit. `divergence`:
    the mean over places of KL(first || second). `agreeing`: the part of the places at which
    both take the same token, at the least.
    """

    logits: float
    divergence: float
    agreeing: float


#: By the numbers that the second form is stored in. In 32 bits only the order of sums differs; in
#: 16 every weight is rounded (to 11 bits in float16, to 8 in bfloat16); the others quantize.
BOUNDS: Mapping[str, Bounds] = {
    "float32": Bounds(1e-3, 1e-5, 1.0),
    "float16": Bounds(0.02, 1e-4, 0.98),
    "bfloat16": Bounds(0.10, 2e-3, 0.95),
    "f16": Bounds(0.02, 1e-4, 0.98),
    "q8_0": Bounds(0.15, 0.02, 0.85),
    "q5_1": Bounds(0.50, 0.40, 0.60),
    "q4_1": Bounds(0.90, 1.00, 0.40),
}


@dataclass(frozen=True, slots=True)
class Led:
    """One answer of the first form, and what the second makes of it.

    `agreeing` counts the places at which both take the same token, `parting` is the first at
    which they do not (None where there is none). `divergence` is summed over the places.
    """

    places: int
    agreeing: int
    parting: int | None
    difference: float
    largest: float
    divergence: float
    finite: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """All answers together, against the bounds; `faults` are what differs beside the numbers."""

    answers: tuple[Led, ...]
    bounds: Bounds
    faults: tuple[str, ...] = ()

    @property
    def places(self) -> int:
        """The tokens that were compared."""
        return sum(led.places for led in self.answers)

    @property
    def agreeing(self) -> int:
        """The tokens that are the same."""
        return sum(led.agreeing for led in self.answers)

    @property
    def equal_texts(self) -> int:
        """The answers that are the same from end to end."""
        return sum(led.parting is None for led in self.answers)

    @property
    def difference(self) -> float:
        """The largest difference of a logit, as a part of the largest logit."""
        largest = max((led.largest for led in self.answers), default=0.0)
        worst = max((led.difference for led in self.answers), default=0.0)
        return worst / largest if largest else worst

    @property
    def divergence(self) -> float:
        """Mean KL a token, in nats."""
        return sum(led.divergence for led in self.answers) / max(self.places, 1)

    def broken(self) -> list[str]:
        """What is not as it has to be, in words; nothing where all is well."""
        told = list(self.faults)
        if not all(led.finite for led in self.answers):
            return [*told, "its logits are no numbers"]
        bounds = self.bounds
        if self.difference > bounds.logits:
            told.append(f"a logit is off by {self.difference:.2%}, more than {bounds.logits:.2%}")
        if self.divergence > bounds.divergence:
            told.append(f"KL {self.divergence:.2g} nats a token, more than {bounds.divergence:.2g}")
        if self.agreeing < bounds.agreeing * self.places:
            told.append(
                f"{self.agreeing} of {self.places} tokens are the same, fewer than "
                f"{bounds.agreeing:.0%}"
            )
        return told

    def document(self) -> dict[str, Any]:
        """For `lathe.json` and `--json`."""
        broken = self.broken()
        return {
            "passed": not broken,
            "faults": broken,
            "prompts": len(self.answers),
            "tokens": self.places,
            "equal_tokens": self.agreeing,
            "equal_texts": self.equal_texts,
            "first_differences": [led.parting for led in self.answers],
            "largest_logit_difference": _number(self.difference),
            "kl_nats_per_token": _number(self.divergence),
            "bounds": {
                "largest_logit_difference": self.bounds.logits,
                "kl_nats_per_token": self.bounds.divergence,
                "equal_tokens": self.bounds.agreeing,
            },
        }


def _number(value: float) -> float | None:
    """None for what JSON has no number for."""
    return value if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Texts:
    """The greedy texts of an engine beside the first form's, prompt by prompt.

    `partings` has the character at which each parts from the first, None where it does not.
    """

    engine: str
    partings: tuple[int | None, ...]

    @property
    def equal(self) -> int:
        """How many are the same."""
        return self.partings.count(None)

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "engine": self.engine,
            "prompts": len(self.partings),
            "equal_texts": self.equal,
            "first_differences": list(self.partings),
        }


def compare_texts(engine: str, first: Sequence[str], second: Sequence[str]) -> Texts:
    """Where the texts of `engine`, `second`, part from the first ones."""
    return Texts(engine, tuple(_parting(a, b) for a, b in zip(first, second, strict=True)))


def _parting(first: str, second: str) -> int | None:
    if first == second:
        return None
    shared = zip(first, second, strict=False)
    return next((at for at, (a, b) in enumerate(shared) if a != b), min(len(first), len(second)))
