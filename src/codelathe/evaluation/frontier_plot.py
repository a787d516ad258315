"""A picture of a frontier: own code against general, each attempt a point. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codelathe.evaluation.gate import Judged, Outcome

#: Name, colour and marker: told apart without colours too.
_LOOKS: dict[Outcome | None, tuple[str, str, str]] = {
    None: ("before", "#444444", "s"),
    Outcome.PASSED: ("passed", "#1b7f4b", "o"),
    Outcome.UNCLEAR: ("could not tell", "#8a6d00", "D"),
    Outcome.REFUSED: ("refused", "#b3261e", "X"),
}
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
    for outcome, (name, colour, marker) in _LOOKS.items():
        of_it = [dot for dot in dots if dot.outcome is outcome]
        across, up = [dot.general * 100 for dot in of_it], [dot.own * 100 for dot in of_it]
        axes.scatter(across, up, color=colour, marker=marker, label=name, alpha=0.9, zorder=3)
    axes.margins(0.15)
    middle = sum(axes.get_xlim()) / 2
    for (across_at, up_at), labels in _together(dots).items():
        right = across_at > middle
        axes.annotate(
            ", ".join(labels),
            (across_at, up_at),
            xytext=(-7 if right else 7, 5),
            textcoords="offset points",
            horizontalalignment="right" if right else "left",
            fontsize=8,
        )
    figure.legend(loc="outside lower center", ncols=len(_LOOKS), fontsize=8)
    figure.savefig(str(path), format="png")


def _together(dots: Sequence[Dot]) -> dict[tuple[float, float], list[str]]:
    """The labels at each place: several attempts may come to the same scores."""
    places: dict[tuple[float, float], list[str]] = {}
    for dot in dots:
        places.setdefault((dot.general * 100, dot.own * 100), []).append(dot.label)
    return places
