"""When a result is refused: less of it, and earlier states of it, against what they keep.

An adapter is tried at smaller scales, and any result at earlier checkpoints. Each attempt is held
against the model before on both parts, which gives a frontier: own code against general.

Many looks find something sooner or later. So each way, scales and checkpoints, is gone from the
most cautious attempt to the boldest, and what is named is the last that passes before the first
that does not: such a fixed sequence needs no correction (Maurer, Hothorn and Lehmacher 1995).
The two ways share the level of error. Attempts beyond are measured and told, never named.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from codelathe.core.checkpoint import ADAPTER_CONFIG, read_adapter_header
from codelathe.core.lineage import read_lineage, write_lineage
from codelathe.evaluation.files import replace_file, writing
from codelathe.evaluation.gate import LEVEL, Judged, Outcome, judged_document

SCALES = (0.25, 0.5, 0.75)
"""Of an adapter's own scale, the most cautious first."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A weaker form of a result: `label` is told, `model` its reference, `way` what it is one of.

    Attempts of a way are tried in their order, which is from the most cautious to the boldest.
    """

    label: str
    model: str
    way: str


@dataclass(frozen=True, slots=True)
class Point:
    """An attempt, and how it compares with the model before."""

    attempt: Attempt
    judged: Judged

    @property
    def own(self) -> float:
        """The own part's score; where there is none, 0."""
        shift = self.judged.shift("own")
        return 0.0 if shift is None else shift.after.value

    @property
    def general(self) -> float:
        """The general part's score; where there is none, 0."""
        shift = self.judged.shift("general")
        return 0.0 if shift is None else shift.after.value


@dataclass(frozen=True, slots=True)
class Frontier:
    """All attempts, and the one that may be used in place of the result, if any.

    `level` is the error that each way was held to.
    """

    points: tuple[Point, ...]
    best: Point | None
    level: float


def explore(attempts: Sequence[Attempt], hold: Callable[[str, float], Judged]) -> Frontier:
    """Hold every attempt against the model before; `hold` takes a reference and a level."""
    ways = list(dict.fromkeys(attempt.way for attempt in attempts))
    level = LEVEL / max(1, len(ways))
    points = tuple(Point(attempt, hold(attempt.model, level)) for attempt in attempts)
    nameable = [
        point
        for way in ways
        for point in takewhile(_passed, (p for p in points if p.attempt.way == way))
    ]
    best = max(nameable, key=lambda p: (p.own, p.general), default=None)
    return Frontier(points, best, level)


def _passed(point: Point) -> bool:
    return point.judged.outcome is Outcome.PASSED


def scaled_attempts(adapter: Path, folder: Path, base: str) -> list[Attempt]:
    """Copies of the adapter under `folder`, weaker and weaker; none where scaling is not enough.

    An adapter that also replaces whole modules, or trains biases, is no multiple of anything.
    `base` is what each copy names as its base model.

    Raises:
        ModelFileError: `adapter` is none.
        DiskFull: there is no room.
    """
    config = read_adapter_header(adapter).config
    if config.get("modules_to_save") or config.get("bias", "none") != "none":
        return []
    if config.get("peft_type") != "LORA" or "lora_alpha" not in config:
        return []
    attempts = []
    for scale in SCALES:
        copy = folder / f"scale-{scale:g}"
        _write_scaled(adapter, copy, scale, base)
        attempts.append(Attempt(f"scale {scale:g}", f"adapter:{copy}", "scale"))
    return attempts


def _write_scaled(adapter: Path, copy: Path, scale: float, base: str) -> None:
    """The adapter's own files again, its alpha times `scale`; whole or not at all."""
    if (copy / ADAPTER_CONFIG).is_file():
        return
    with writing(copy):
        copy.mkdir(parents=True, exist_ok=True)
        for file in adapter.iterdir():
            if file.is_file() and _belongs(file.name):
                shutil.copyfile(file, copy / file.name)
    lineage = read_lineage(adapter)
    if lineage is not None:
        details = {"scale": scale, "scaled_from": str(adapter)}
        write_lineage(copy, replace(lineage, details=details))
    # Last: what has a configuration is whole.
    config = scaled_config(read_adapter_header(adapter).config, scale)
    config["base_model_name_or_path"] = base
    replace_file(copy / ADAPTER_CONFIG, json.dumps(config, indent=2).encode("utf-8"))


def _belongs(name: str) -> bool:
    """Whether a file is part of an adapter, or its card, and not of the run that made it."""
    return name.endswith(".safetensors") or "token" in name or name in _PARTS


_PARTS = frozenset(
    {
        "chat_template.jinja", "vocab.json", "vocab.txt", "merges.txt", "spiece.model",
        "README.md", "loss.png",
    }
)  # fmt: skip


def scaled_config(config: dict[str, Any], scale: float) -> dict[str, Any]:
    """A LoRA's configuration with `scale` of its effect: alpha stands in front of B A x."""
    pattern = {name: alpha * scale for name, alpha in (config.get("alpha_pattern") or {}).items()}
    return {**config, "lora_alpha": config["lora_alpha"] * scale, "alpha_pattern": pattern}


def frontier_document(frontier: Frontier) -> dict[str, Any]:
    """A frontier as JSON has it."""
    return {
        "level": frontier.level,
        "best": None if frontier.best is None else frontier.best.attempt.model,
        "attempts": [
            {
                "label": point.attempt.label,
                "way": point.attempt.way,
                **judged_document(point.judged),
            }
            for point in frontier.points
        ],
    }
