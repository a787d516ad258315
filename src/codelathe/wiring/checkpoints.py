"""A model's name becomes weights in torch's hands: for tuning, merging and compression.

So does a configuration, for training from scratch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.core.errors import UsageError
from codelathe.wiring.models import find_weights, pickles_trusted, require_base
from codelathe.wiring.text_side import TextSide, open_text_side

if TYPE_CHECKING:
    from codelathe.store import Progress


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model that writes, as a `transformers` module, with what belongs to it.

    `model` is the bare base, in evaluation mode; `adapter` the folder of the adapter that the
    name was of, not put into it. `path` is the checkpoint's folder or GGUF file, `base` the
    base's own name and `sha256` of its weights. `text` reads and writes as the named model does.
    """

    model: Any
    tokenizer: Any
    text: TextSide
    path: Path
    base: str
    sha256: str
    device: str
    precision: str
    adapter: Path | None = None


def open_checkpoint(
    model: str, precision: str = "auto", progress: Progress | None = None
) -> Checkpoint:
    """The weights of the model named `model`, fetched where they are missing.

    GGUF files are dequantized. `precision` is `auto`, float32, bfloat16, float16, int8 or int4.

    Raises:
        InputError: the reference does not parse, names nothing known, or a service's model.
        StoreError: it cannot be had.
        EngineError: the weights cannot be loaded, are not those that the adapter was made on, or
            a package is missing.
    """
    from codelathe.engines.checkpoint import load_checkpoint

    found = find_weights(model, progress)
    local, header = found.local, found.adapter
    if header is not None:
        require_base(header, found.base)
    if local.format == "openvino":
        raise UsageError(
            f"{model} is in OpenVINO's form, whose weights are for running alone",
            hint="name the checkpoint or the GGUF file that it was made from",
            field="model",
        )
    adapter = header.path if header is not None else None
    loaded = load_checkpoint(local.path, adapter, precision, pickled=pickles_trusted())
    return Checkpoint(
        model=loaded.model,
        tokenizer=loaded.tokenizer,
        text=open_text_side(model, progress),
        path=local.path,
        base=str(found.base),
        sha256=found.sha256,
        device=loaded.place.device,
        precision=loaded.place.precision,
        adapter=adapter,
    )


def new_model(config: Mapping[str, Any], seed: int = 0) -> Any:
    """A model that was never trained, of what a `config.json` would hold, drawn with `seed`.

    Raises:
        MissingDependency: torch or transformers is missing.
    """
    from codelathe.engines.checkpoint import new_model

    return new_model(config, seed)
