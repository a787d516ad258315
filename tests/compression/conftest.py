"""Tiny checkpoints, and pruning them the way the verb does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codelathe.compression.calibration import Texts
from codelathe.compression.job import Doors, Pruned, PruneJob
from codelathe.compression.options import prune_options
from codelathe.compression.pruning import prune
from codelathe.wiring import open_checkpoint

CODE = Texts(
    ("def add(a, b):\n    return a + b\n\n\nfor i in range(10):\n    print(i)\n" * 120,), "code"
)

Checkpoint = Callable[..., Path]
Prune = Callable[..., Pruned]


@pytest.fixture(scope="module", autouse=True)
def quick(one_thread: None) -> None:
    """All that is computed here is small."""


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """The folder of a tiny checkpoint of an architecture, made once."""
    from fakes import checkpoints

    made: dict[str, Path] = {}

    def folder(architecture: str, **other: Any) -> Path:
        name = f"{architecture}{sorted(other.items())}"
        if name not in made:
            where = tmp_path_factory.mktemp(architecture)
            made[name] = checkpoints.save(where, architecture, **other)
        return made[name]

    return folder


@pytest.fixture
def pruned(checkpoint: Checkpoint, tmp_path: Path) -> Prune:
    """Prunes a tiny checkpoint into the folder `out`."""

    def run(
        architecture: str | Path = "llama", method: str = "wanda", sparsity: float | None = 0.5,
        *, packed: bool | None = None, out: str = "out", **options: Any,
    ) -> Pruned:  # fmt: skip
        folder = architecture if isinstance(architecture, Path) else checkpoint(architecture)
        texts = options.pop("texts", CODE)
        recover = options.pop("recover", 0)
        chosen = prune_options(method, sparsity, **{"samples": 4, **options})
        chosen = replace(chosen, recover=recover)
        doors = Doors(
            open=lambda: open_checkpoint(str(folder), "float32"),
            reopen=lambda saved: open_checkpoint(str(saved), "float32"),
        )
        packed = chosen.unstructured if packed is None else packed
        return prune(PruneJob(str(folder), chosen, tmp_path / out, texts, packed), doors)

    return run
