"""The whole gate of a tuned result: held against the model before, and where refused, explored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.evaluation.files import writing
from codelathe.evaluation.frontier import Attempt, Frontier, explore, scaled_attempts
from codelathe.evaluation.frontier_plot import dots_of, draw
from codelathe.evaluation.gate import LEVEL, Bench, Judged, Outcome, ask, hold
from codelathe.evaluation.gate_files import FOLDER, PLOT, Gated, mark
from codelathe.training.tuning.folder import checkpoints


@dataclass(frozen=True, slots=True)
class Tuned:
    """A result in `folder`, named `model`, made of `before`.

    `base` is what adapters in it are on, None where it is a whole checkpoint.
    """

    folder: Path
    model: str
    before: str
    base: str | None


@dataclass(frozen=True, slots=True)
class Terms:
    """`tolerance` is a drop, a fraction; at most `attempts` follow a refusal.

    `settings` is all that was asked, as it is to be kept.
    """

    tolerance: float
    attempts: int
    settings: Mapping[str, Any]


def put_through(tuned: Tuned, bench: Bench, terms: Terms) -> Gated:
    """Hold the result against the model before; explore where it is refused; mark the folder.

    Raises:
        LatheError: a model could not answer, code not be judged, or a file not be written. What
            was done is kept, and the same call goes on.
    """
    runs = tuned.folder / FOLDER / "runs"

    before = ask(tuned.before, bench, bench.before, "before")

    def against_before(model: str, level: float) -> Judged:
        return hold(before, model, bench, runs, terms.tolerance, level=level)

    judged = against_before(tuned.model, LEVEL)
    frontier: Frontier | None = None
    if judged.outcome is Outcome.REFUSED:
        attempts = _attempts(tuned, terms.attempts)
        frontier = explore(attempts, against_before) if attempts else None
    gated = Gated(tuned.folder, tuned.before, terms.settings, judged, frontier)
    mark(gated)
    if frontier is not None:
        _draw(gated, frontier)
    return gated


def _attempts(tuned: Tuned, most: int) -> list[Attempt]:
    """Smaller scales, then earlier checkpoints, each the most cautious first."""
    scaled: list[Attempt] = []
    if tuned.base is not None and most:
        scaled = scaled_attempts(tuned.folder, tuned.folder / FOLDER, tuned.base)
    scheme = "" if tuned.base is None else "adapter:"
    earlier = [
        Attempt(f"step {step}", f"{scheme}{path}", "checkpoint")
        for step, path in list(checkpoints(tuned.folder).items())[:-1]
    ]
    return [*scaled, *earlier][:most]


def _draw(gated: Gated, frontier: Frontier) -> None:
    dots = dots_of(gated.judged, [(p.attempt.label, p.judged) for p in frontier.points])
    if dots:
        path = gated.folder / FOLDER / PLOT
        with writing(path):
            draw(dots, path)
