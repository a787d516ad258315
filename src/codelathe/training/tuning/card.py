"""The card of a tuned model: what it is, what it was made from and how, in the hub's form."""

from __future__ import annotations

import json
from pathlib import Path

from codelathe.core.modelref import parse_model_ref
from codelathe.training.recipe import Recipe
from codelathe.training.tuning.result import Tuned

CARD = "README.md"


def write_card(folder: Path, base: str, recipe: Recipe, tuned: Tuned) -> Path:
    """Write the card of the model in `folder`; its path. `base` is empty for a new model."""
    path = folder / CARD
    path.write_text(_head(base, tuned) + _body(base, recipe, tuned), encoding="utf-8")
    return path


def _head(base: str, tuned: Tuned) -> str:
    lines = ["---", "tags:", "- code", "- codelathe"]
    if tuned.kind == "adapter":
        lines += ["library_name: peft"]
    else:
        lines += ["library_name: transformers"]
    if base and (ref := parse_model_ref(base)).scheme == "hf":
        lines += [f"base_model: {ref.name}"]
    return "\n".join([*lines, "---", ""])


def _body(base: str, recipe: Recipe, tuned: Tuned) -> str:
    method = recipe.method
    how = f"{method.name}, rank {method.r}, alpha {method.alpha:g}"
    if method.name == "qlora":
        how += f", beside {method.quantization}"
    if method.name == "full":
        how = "all weights"
    rows = [
        ("base", _base_name(base)),
        ("method", how),
        ("learning rate", f"{recipe.learning_rate:g}, {recipe.train.schedule}"),
        ("steps", f"{tuned.steps:,} of {recipe.train.rows} rows"),
        ("tokens", f"{tuned.tokens:,}, of which the loss counted {tuned.supervised:,}"),
        ("training loss", f"{tuned.loss:.4f}"),
        ("validation loss before", _loss(tuned.validation_before)),
        ("validation loss after", _loss(tuned.validation)),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    kind = "An adapter" if tuned.kind == "adapter" else "A model"
    text = json.dumps(recipe.document(), ensure_ascii=False, indent=2)
    return (
        f"# {folder_name(tuned)}\n\n{kind} made by `lathe tune`.\n\n| | |\n|---|---|\n{table}\n\n"
        f"![loss](loss.png)\n\n## Recipe\n\n```json\n{text}\n```\n"
    )


def _base_name(base: str) -> str:
    if not base:
        return "none: from scratch"
    return Path(base).name if parse_model_ref(base).scheme == "path" else base


def folder_name(tuned: Tuned) -> str:
    """The last part of where it is."""
    return Path(tuned.path).name


def _loss(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"
