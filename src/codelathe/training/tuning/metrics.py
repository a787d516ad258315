"""The course of a run on the disk: `metrics.jsonl`, and the picture of it.

A step's row has step, loss, gradient (its length before clipping), learning_rate, tokens,
supervised and seconds; a row of a validation has step and validation_loss. A run that goes on
from a checkpoint takes back the rows that came after it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codelathe.training.tuning.folder import METRICS, disk_errors

PLOT = "loss.png"
_SMOOTH = 0.9


class Metrics:
    """Appends rows to a run's file, each handed to the system before the next step begins."""

    def __init__(self, folder: Path, upto: int) -> None:
        """Open the file, without the rows of steps after `upto`."""
        self._path = folder / METRICS
        kept = [row for row in read_metrics(folder) if row["step"] <= upto] if upto else []
        with disk_errors(self._path):
            fresh = self._path.with_name(f"{METRICS}.new")
            fresh.write_text("".join(map(_line, kept)), encoding="utf-8")
            fresh.replace(self._path)
            self._file = self._path.open("a", encoding="utf-8")

    def add(self, row: dict[str, Any]) -> None:
        """Append a row."""
        with disk_errors(self._path):
            self._file.write(_line(row))
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run; a last line that was cut is left out."""
    try:
        lines = (folder / METRICS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    rows = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def write_events(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """The rows as TensorBoard reads them, in place of what was there."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for old in folder.glob("events.*"):
        old.unlink()
    writer = EventFileWriter(str(folder))
    for row in rows:
        values = [
            Summary.Value(tag=tag, simple_value=row[name])
            for name, tag in _TAGS.items()
            if row.get(name) is not None
        ]
        writer.add_event(Event(step=row["step"], summary=Summary(value=values)))
    writer.close()


_TAGS = {
    "loss": "loss/train", "validation_loss": "loss/validation",
    "learning_rate": "learning_rate", "gradient": "gradient",
}  # fmt: skip


def draw(folder: Path, title: str) -> Path:
    """Draw the losses of a run as `loss.png` in its folder."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = read_metrics(folder)
    steps = [(row["step"], row["loss"]) for row in rows if "loss" in row]
    checks = [(row["step"], row["validation_loss"]) for row in rows if "validation_loss" in row]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    if steps:
        xs, ys = zip(*steps, strict=True)
        axes.plot(xs, ys, color="#9ecae1", linewidth=0.8, label="training, each step")
        axes.plot(xs, _smoothed(ys), color="#2171b5", linewidth=1.8, label="training, smoothed")
    if checks:
        xs, ys = zip(*checks, strict=True)
        axes.plot(xs, ys, "o-", color="#d94801", markersize=4, label="validation", clip_on=False)
    axes.set(xlabel="step", ylabel="loss (nats a token)")
    axes.set_title(title, parse_math=False)  # a name may have dollar signs
    axes.set_xlim(left=0)
    axes.grid(alpha=0.25)
    if steps or checks:
        axes.legend(frameon=False)
    path = folder / PLOT
    FigureCanvasAgg(figure).print_png(str(path))
    return path


def _smoothed(values: Sequence[float]) -> list[float]:
    """The exponential mean, started without bias (as Adam's moments are)."""
    mean, weight, out = 0.0, 0.0, []
    for value in values:
        mean = _SMOOTH * mean + (1 - _SMOOTH) * value
        weight = _SMOOTH * weight + (1 - _SMOOTH)
        out.append(mean / weight)
    return out


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row) + "\n"
