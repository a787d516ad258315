"""A tiny model, documents for it, and a way to tune the one on the other."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("trl", reason="the extra 'train' is not installed")

from codelathe.training.data.tokens import Tokens  # noqa: E402
from codelathe.training.recipe import DataPart, MethodPart, ModelPart, Recipe, TrainPart  # noqa: E402
from fakes import checkpoints  # noqa: E402

RECIPE = Recipe(
    model=ModelPart("tiny"),
    data=DataPart(max_length=48, packing=False),
    method=MethodPart(r=4, alpha=8.0),
    train=TrainPart(
        steps=6, rows=4, learning_rate=5e-3, evaluate_every=2, save_every=2, precision="float32"
    ),
)


@dataclass(frozen=True)
class Part:
    documents: tuple[Tokens, ...]


@dataclass(frozen=True)
class Parts:
    train: Part
    validation: Part


@dataclass(frozen=True)
class Opened:
    """A checkpoint as `tune` takes it."""

    model: Any
    tokenizer: Any
    path: Path
    base: str
    sha256: str = "f" * 64
    device: str = "cpu"
    adapter: Path | None = None


def documents(count: int, seed: int = 0) -> tuple[Tokens, ...]:
    """Runs that count upwards from a random token: easy to learn, and no two alike."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        start, size = draw.randrange(20, 200), draw.randrange(6, 20)
        ids = tuple(start + n for n in range(size))
        made.append(Tokens(ids, (False, False, *(True for _ in ids[2:]))))
    return tuple(made)


def parts(train: int = 20, validation: int = 5) -> Parts:
    return Parts(Part(documents(train)), Part(documents(validation, seed=1)))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    made: dict[str, Path] = {}

    def save(architecture: str = "llama") -> Path:
        if architecture not in made:
            where = tmp_path_factory.mktemp(architecture)
            made[architecture] = checkpoints.save(where, architecture, initializer_range=0.05)
        return made[architecture]

    return save


@pytest.fixture
def opened(folder: Callable[..., Path]) -> Callable[..., Opened]:
    """Opens the tiny checkpoint of an architecture."""
    import transformers

    def load(architecture: str = "llama", **other: Any) -> Opened:
        path = folder(architecture)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
            tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        return replace(Opened(model, tokenizer, path, str(path)), **other)

    return load


def with_train(recipe: Recipe, **changes: Any) -> Recipe:
    return replace(recipe, train=replace(recipe.train, **changes))


def losses(out: Path) -> list[tuple[int, float]]:
    from codelathe.training.tuning.metrics import read_metrics

    return [(row["step"], row["loss"]) for row in read_metrics(out) if "loss" in row]
