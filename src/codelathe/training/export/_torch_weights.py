"""Weights of a checkpoint's folder or a model in memory, read one at a time in 32 bits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from codelathe.core.checkpoint import weight_files
from codelathe.core.errors import ModelFileError
from codelathe.core.packed import PACKED
from codelathe.training.export.gguf_file import Weight

if TYPE_CHECKING:
    import numpy as np


def folder_weights(folder: Path) -> dict[str, Weight]:
    """The tensors of the ordinary safetensors files, by name; nothing is read yet.

    Raises:
        ModelFileError: a file is missing or damaged.
    """
    found: dict[str, Weight] = {}
    for file in weight_files(folder):
        if file.name == PACKED:
            continue
        try:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118 (it is no dictionary)
                    shape = tuple(opened.get_slice(name).get_shape())
                    found[name] = Weight(shape, _reader(file, name))
        except (OSError, SafetensorError) as error:
            raise ModelFileError(
                f"{file} cannot be read: {error}", hint="fetch or make the model again"
            ) from None
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
