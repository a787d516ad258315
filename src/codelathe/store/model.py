"""A model on this disk, and the user's own files, which are used where they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from codelathe.core.errors import ModelRefError
from codelathe.core.modelref import ModelRef
from codelathe.store.catalogue import ENCODER, Format
from codelathe.store.selection import select

_GGUF = b"GGUF"


@dataclass(frozen=True, slots=True)
class LocalModel:
    """Weights on this disk. `path` is a file, or the folder of a checkpoint.

    `sha256` is empty for a path of the user's own, which is not hashed. `bytes` counts
    all its files. `type` is what the catalogue says of it.
    """

    ref: str
    path: Path
    format: Format
    sha256: str
    bytes: int
    licence: str = "unknown"
    type: str = "unknown"


def engines_for(format_: Format, type_: str = "unknown") -> tuple[str, ...]:
    """The engines that read weights of this format; none writes with an encoder."""
    if type_ == ENCODER:
        return ()
    if format_ == "openvino":
        return ("openvino",)
    return ("llamacpp", "openvino", "transformers") if format_ == "gguf" else ("transformers",)


def own_model(ref: ModelRef, path: Path) -> LocalModel:
    """The GGUF file, or the folder with one GGUF model or a checkpoint, at `path`.

    Raises:
        ModelRefError: there is nothing, or nothing that is a model, or more than one.
    """
    try:
        return _found(ref, path)
    except OSError as error:
        raise ModelRefError(f"cannot read {path}: {error.strerror}", field="model") from None


def _found(ref: ModelRef, path: Path) -> LocalModel:
    if path.is_dir():
        names = [entry.name for entry in path.iterdir() if entry.is_file()]
        if "adapter_config.json" in names and "config.json" not in names:
            raise ModelRefError(
                f"{path} is an adapter, not a whole model",
                hint=f"name it as one: adapter:{path}",
                field="model",
            )
        chosen = select(str(path), names)
        size = sum((path / name).stat().st_size for name in chosen.files)
        opened = path / chosen.files[0] if chosen.format == "gguf" else path
        return LocalModel(str(ref), opened, chosen.format, "", size)
    if not path.is_file():
        meant = f"; on the hub: hf:{ref}" if re.fullmatch(r"[\w.-]+/[\w.-]+", str(ref)) else ""
        raise ModelRefError(
            f"there is no file or folder {path}", hint=f"lathe models list{meant}", field="model"
        )
    with path.open("rb") as file:
        magic = file.read(len(_GGUF))
    if magic != _GGUF:
        raise ModelRefError(
            f"{path} is not a GGUF file: it does not start with 'GGUF'",
            hint="name a .gguf file, or the folder of a checkpoint",
            field="model",
        )
    return LocalModel(str(ref), path, "gguf", "", path.stat().st_size)
