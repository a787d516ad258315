"""The card of a tuned model: what it is, what it was made from and how, in the hub's form."""

from __future__ import annotations

import json
from pathlib import Path

from codelathe.core.lineage import Lineage
from codelathe.hub.card import CARD, front_matter, model_metadata, named, shown
from codelathe.training.recipe import Recipe
from codelathe.training.tuning.result import Tuned


def write_card(folder: Path, base: str, recipe: Recipe, tuned: Tuned) -> None:
    """Write the card of the model in `folder`; `base` is empty for a new model."""
    made = Lineage("checkpoint", base, "", base, recipe.document())
    head = front_matter(model_metadata(made, folder))
    (folder / CARD).write_text(f"{head}\n{_body(base, recipe, tuned)}", encoding="utf-8")


def _body(base: str, recipe: Recipe, tuned: Tuned) -> str:
    rows = [
        ("base", named(base) if base else "none: from scratch"),
        ("method", _method(recipe)),
        ("learning rate", f"{recipe.learning_rate:g}, {recipe.train.schedule}"),
        ("steps", f"{tuned.steps:,} of {recipe.train.rows} rows"),
        ("tokens", f"{tuned.tokens:,}, of which the loss counted {tuned.supervised:,}"),
        ("training loss", f"{tuned.loss:.4f}"),
        ("validation loss before", _loss(tuned.validation_before)),
        ("validation loss after", _loss(tuned.validation)),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    kind = "An adapter" if tuned.kind == "adapter" else "A model"
    text = json.dumps(shown(recipe.document()), ensure_ascii=False, indent=2)
    return (
        f"# {Path(tuned.path).name}\n\n{kind} made by `lathe tune`.\n\n"
        f"| | |\n|---|---|\n{table}\n\n![loss](loss.png)\n\n"
        f"## Recipe\n\n```json\n{text}\n```\n"
    )


def _method(recipe: Recipe) -> str:
    method = recipe.method
    if method.name == "full":
        return "all weights"
    beside = f", beside {method.quantization}" if method.name == "qlora" else ""
    return f"{method.name}, rank {method.r}, alpha {method.alpha:g}{beside}"


def _loss(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"
