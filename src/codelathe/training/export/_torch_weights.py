"""Weights of a checkpoint's folder or a model in memory, read one at a time in 32 bits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open

from codelathe.core.packed import PACKED
from codelathe.training.export.gguf_file import Weight

if TYPE_CHECKING:
    import numpy as np


def folder_weights(folder: Path) -> dict[str, Weight]:
    """The tensors of the ordinary safetensors files, by name; nothing is read yet."""
    found: dict[str, Weight] = {}
    for file in sorted(set(folder.glob("*.safetensors")) - {folder / PACKED}):
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 (it is no dictionary)
                shape = tuple(opened.get_slice(name).get_shape())
                found[name] = Weight(shape, _reader(file, name))
    return found


def model_weights(model: Any) -> dict[str, Weight]:
    """The tensors of a model in memory, by name."""
    return {name: _held(tensor) for name, tensor in model.state_dict().items()}


def _reader(file: Path, name: str) -> Any:
    def load() -> np.ndarray:
        with safe_open(file, framework="pt") as opened:
            values: np.ndarray = opened.get_tensor(name).float().numpy()
            return values

    return load


def _held(tensor: Any) -> Weight:
    return Weight(tuple(tensor.shape), lambda: tensor.detach().float().cpu().numpy())
