"""Pictures of a sweep: size and score, speed and score, with the front that nothing beats.

A point on the front is beaten by no other in both. Scores have their 95% intervals. Needs
matplotlib.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.evaluation.files import writing
from codelathe.evaluation.sweep_rows import Row
from codelathe.metrics.intervals import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_PLOT, SPEED_PLOT = "size.png", "speed.png"
#: Kind -> colour and marker: told apart without colours too.
_LOOKS = {
    "original": ("#444444", "s"),
    "quantized": ("#1f5fa8", "o"),
    "pruned": ("#b3561e", "D"),
}
_SIZE, _DPI, _FONT = (7.2, 4.8), 140, 8
_ROOM = 0.12
#: Half of a point's mark.
_POINT = 5.0
#: Where a name may stand, seen from its point: turns round it, in points away from it.
_TURNS, _AWAY = 16, (8, 12, 17, 24, 32, 42, 55, 70)


@dataclass(frozen=True, slots=True)
class Dot:
    """A variant: `across` in the axis' own measure, `score` and `interval` in percent."""

    label: str
    kind: str
    across: float
    score: float
    interval: Interval


def draw_sweep(rows: Sequence[Row], folder: Path, benchmark: str) -> list[Path]:
    """Write the pictures for which there is anything to show; where they are."""
    written = []
    for name, axis, fewer, value in (
        (SIZE_PLOT, "weights (MB)", True, lambda row: (row.bytes or 0) / 1e6),
        (SPEED_PLOT, "tokens written a second, one stream", False, _speed),
    ):
        dots = [_dot(row, value(row)) for row in rows if row.score and value(row)]
        if dots:
            path = folder / name
            with writing(path):
                draw(dots, path, (axis, f"{_written(benchmark)} passed (%), 95% intervals"),
                     fewer=fewer)  # fmt: skip
            written.append(path)
    return written


def _written(name: str) -> str:
    """A name as matplotlib can write it: its letters are Latin, and a dollar begins a formula."""
    return name.replace("$", r"\$") if name.isascii() else "problems"


def _speed(row: Row) -> float:
    return (row.measured.decode_speed if row.measured else None) or 0.0


def _dot(row: Row, across: float) -> Dot:
    assert row.score is not None, "rows without a score are not drawn"
    (low, high), score = row.score.interval, row.score.value
    # Of none or all passed an end is the score itself, but for the last digit.
    interval = (min(low, score) * 100, max(high, score) * 100)
    return Dot(row.name, row.kind, across, score * 100, interval)


def front(dots: Sequence[Dot], *, fewer: bool) -> list[Dot]:
    """Those that no other beats: better in one and not worse in the other. From left to right."""
    sign = -1 if fewer else 1

    def beaten(dot: Dot) -> bool:
        mine = (sign * dot.across, dot.score)
        return any(
            (theirs := (sign * other.across, other.score)) != mine
            and theirs[0] >= mine[0]
            and theirs[1] >= mine[1]
            for other in dots
        )

    return sorted((dot for dot in dots if not beaten(dot)), key=lambda dot: dot.across)


def draw(dots: Sequence[Dot], path: Path, names: tuple[str, str], *, fewer: bool) -> None:
    """Write a picture as PNG; `fewer` says that less is better on the axis across."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.grid(alpha=0.3)
    _points(axes, dots)
    best = front(dots, fewer=fewer)
    if len(best) > 1:
        axes.plot(
            [dot.across for dot in best], [dot.score for dot in best],
            color="#1b7f4b", linestyle="--", linewidth=1.2, zorder=2, label="beaten by none",
        )  # fmt: skip
    _limits(axes, dots)
    figure.legend(loc="outside lower center", ncols=4, fontsize=_FONT)
    figure.draw_without_rendering()  # places are known from here on
    figure.set_layout_engine("none")
    _name(figure, axes, dots)
    figure.savefig(str(path), format="png")


def _points(axes: Axes, dots: Sequence[Dot]) -> None:
    for kind, (colour, marker) in _LOOKS.items():
        of_it = [dot for dot in dots if dot.kind == kind]
        if not of_it:
            continue
        across, up = [dot.across for dot in of_it], [dot.score for dot in of_it]
        spread = [[dot.score - dot.interval[0] for dot in of_it],
                  [dot.interval[1] - dot.score for dot in of_it]]  # fmt: skip
        axes.errorbar(across, up, spread, fmt="none", ecolor=colour, alpha=0.35, zorder=1)
        axes.scatter(across, up, color=colour, marker=marker, label=kind, zorder=3)


def _limits(axes: Axes, dots: Sequence[Dot]) -> None:
    """Room for names on both sides; no share of problems is below 0 or above 100."""
    low, high = min(d.across for d in dots), max(d.across for d in dots)
    room = max((high - low) * _ROOM, high * 0.05)
    axes.set_xlim(max(0.0, low - room), high + room)
    floor, roof = min(d.interval[0] for d in dots), max(d.interval[1] for d in dots)
    room = max((roof - floor) * 0.06, 1.0)
    axes.set_ylim(max(-2.0, floor - room), min(102.0, roof + room))


def _name(figure: Figure, axes: Axes, dots: Sequence[Dot]) -> None:
    """Names beside the points, each at the nearest place that is free, else without a line."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    frame = axes.get_window_extent(renderer)
    taken = [_around(axes, (dot.across, dot.score), _POINT, _POINT) for dot in dots]
    for point, labels in _together(dots).items():
        text = axes.annotate(
            ", ".join(labels), point, xytext=(0, 0), textcoords="offset points",
            fontsize=_FONT, horizontalalignment="center", verticalalignment="center",
            arrowprops={"arrowstyle": "-", "color": "#999999", "linewidth": 0.6, "shrinkB": 3},
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "alpha": 0.7, "linewidth": 0},
            zorder=4,
        )  # fmt: skip
        extent = text.get_window_extent(renderer)
        wide, high = extent.width * 36 / _DPI + 2, extent.height * 36 / _DPI + 1
        for offset in _places(wide, high):
            box = _around(axes, point, wide, high, offset)
            if _within(box, frame) and not any(box.overlaps(other) for other in taken):
                text.set_position(offset)
                taken.append(box)
                break
        else:
            text.set_position((0, high + _POINT))


def _places(wide: float, high: float) -> Iterator[tuple[float, float]]:
    """Offsets of the middle of a name so large by half, in points: the nearest first."""
    for away in _AWAY:
        for turn in range(_TURNS):
            angle = 2 * math.pi * turn / _TURNS
            yield (away + wide) * math.cos(angle), (away + high) * math.sin(angle)


def _around(
    axes: Axes, point: tuple[float, float], wide: float, high: float, offset: Any = (0.0, 0.0)
) -> Any:
    """A box of so many points to each side, moved from a point of the data; in pixels."""
    from matplotlib.transforms import Bbox

    x, y = axes.transData.transform(point) + [step * _DPI / 72 for step in offset]
    wide, high = wide * _DPI / 72, high * _DPI / 72
    return Bbox.from_extents(x - wide, y - high, x + wide, y + high)


def _within(box: Any, frame: Any) -> bool:
    """Whether a box is inside of another; both are matplotlib's."""
    return bool(
        frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    )


def _together(dots: Sequence[Dot]) -> dict[tuple[float, float], list[str]]:
    """The names at each place, from right to left: at the edge there are the fewest places."""
    places: dict[tuple[float, float], list[str]] = {}
    for dot in sorted(dots, key=lambda one: -one.across):
        places.setdefault((dot.across, dot.score), []).append(dot.label)
    return places
