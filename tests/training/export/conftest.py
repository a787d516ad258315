"""Tiny checkpoints and adapters, made once, and what opens them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.checkpoint import read_adapter_header
from codelathe.training.export.merging import Parts
from fakes import checkpoints

MakeCheckpoint = Callable[..., Path]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> MakeCheckpoint:
    """The folder of a tiny checkpoint with these settings."""
    made: dict[str, Path] = {}

    def folder(architecture: str, **other: Any) -> Path:
        name = f"{architecture}{sorted(other.items())}"
        if name not in made:
            if architecture == "gpt2":  # what the reader of transformers takes for granted
                other = {"n_positions": 1024, **other}
            where = tmp_path_factory.mktemp(architecture)
            made[name] = checkpoints.save(where, architecture, **other)
        return made[name]

    return folder


@pytest.fixture(scope="session")
def parts(
    checkpoint: MakeCheckpoint, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Parts]:
    """An adapter on a tiny checkpoint."""

    def make(architecture: str = "llama", base: Path | None = None, **settings: Any) -> Parts:
        base = base or checkpoint(architecture)
        folder = checkpoints.save_adapter(tmp_path_factory.mktemp("adapter"), base, **settings)
        header = read_adapter_header(folder)
        return Parts(f"adapter:{folder}", header, "a" * 64, base, str(base), "b" * 64)

    return make
