"""A picture of a frontier: own code against general, each attempt a point. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codelathe.evaluation.gate import Judged, Outcome

_COLOURS = {Outcome.PASSED: "#1b7f4b", Outcome.REFUSED: "#b3261e", Outcome.UNCLEAR: "#8a6d00"}
_SIZE, _DPI = (6.4, 4.4), 140


@dataclass(frozen=True, slots=True)
class Dot:
    """A point with its name: scores as fractions; the model before has no outcome."""

    label: str
    own: float
    general: float
    outcome: Outcome | None


def dots_of(result: Judged, attempts: Sequence[tuple[str, Judged]]) -> list[Dot]:
    """The model before, the result and the attempts; none where a part is missing."""
    own, general = result.shift("own"), result.shift("general")
    if own is None or general is None:
        return []
    dots = [Dot("before", own.before.value, general.before.value, None)]
    for label, judged in (("the result", result), *attempts):
        one, other = judged.shift("own"), judged.shift("general")
        if one is not None and other is not None:
            dots.append(Dot(label, one.after.value, other.after.value, judged.outcome))
    return dots


def draw(dots: Sequence[Dot], path: Path) -> None:
    """Write the picture as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel("general problems passed (%)")
    axes.set_ylabel("own problems passed (%)")
    axes.grid(alpha=0.3)
    for dot in dots:
        colour = "#444444" if dot.outcome is None else _COLOURS[dot.outcome]
        marker = "s" if dot.outcome is None else "o"
        axes.scatter(dot.general * 100, dot.own * 100, color=colour, marker=marker, zorder=3)
    for place, labels in _together(dots).items():
        axes.annotate(
            ", ".join(labels), place, xytext=(6, 5), textcoords="offset points", fontsize=8
        )
    for outcome, colour in _COLOURS.items():
        axes.scatter([], [], color=colour, label=str(outcome))
    axes.scatter([], [], color="#444444", marker="s", label="before")
    axes.legend(fontsize=8, loc="best")
    axes.margins(0.15)
    figure.savefig(str(path), format="png")


def _together(dots: Sequence[Dot]) -> dict[tuple[float, float], list[str]]:
    """The labels at each place: several attempts may come to the same scores."""
    places: dict[tuple[float, float], list[str]] = {}
    for dot in dots:
        places.setdefault((dot.general * 100, dot.own * 100), []).append(dot.label)
    return places
