"""A checkpoint's modules themselves, for tuning and compression: what the engine loads, unused.

Same files, same refusals and same numbers as `transformers`, the engine, has. A new model, for
training from scratch, is made here too, so that the engine knows every class that is trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.core.spinning import load_torch
from codelathe.engines.transformers import require_packages

if TYPE_CHECKING:
    from codelathe.engines._torch_place import Place


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in evaluation mode on its device, and its tokenizer."""

    model: Any
    tokenizer: Any
    place: Place


def load_checkpoint(
    path: Path, adapter: Path | None = None, precision: str = "auto", *, pickled: bool = False
) -> Loaded:
    """The model of the folder or GGUF file at `path`, without the adapter's weights.

    The tokenizer is the adapter's own where it has one.

    Raises:
        MissingDependency: torch, transformers or, for 8 and 4 bits, bitsandbytes is missing.
        ModelFileError: there is no model, none that is safe to read, or no tokenizer.
        UnknownName: no such precision.
        UnsupportedArgument: a precision that these weights cannot have.
        EngineError: there is too little memory for it.
    """
    require_packages("the weights of a model")
    load_torch()
    from codelathe.engines._torch_loading import load_model, load_tokenizer, read_header
    from codelathe.engines._torch_place import Weights, choose_place

    whole = Weights(path, adapter, precision, pickled)
    place = choose_place(whole, read_header(whole))
    tokenizer = load_tokenizer(whole)
    return Loaded(load_model(Weights(path, None, precision, pickled), place), tokenizer, place)


def new_model(config: Mapping[str, Any], seed: int = 0) -> Any:
    """A model that was never trained, of the configuration that a `config.json` would hold.

    It is one that the engine `transformers` can load once it is saved. The weights are drawn
    with `seed` on the processor, and are the same on every device.

    Raises:
        MissingDependency: torch or transformers is missing.
    """
    require_packages("a model from scratch")
    load_torch()
    from codelathe.engines._torch_loading import make_model

    return make_model(config, seed)


def to_int8(model: Any) -> None:
    """Turn a model's linear layers and token embeddings into dynamic int8, in place.

    What `save_pretrained` then writes, the engine `transformers` loads as it is.

    Raises:
        UnsupportedArgument: it is not made of linear layers.
    """
    from codelathe.engines._torch_int8 import quantize_model

    quantize_model(model)
