"""What pruning needs of other rooms: a model opened in the numbers that it is to be saved in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codelathe.core.checkpoint import read_checkpoint_header
from codelathe.core.modelref import parse_model_ref
from codelathe.wiring.checkpoints import open_checkpoint
from codelathe.wiring.models import open_store

if TYPE_CHECKING:
    from codelathe.compression.job import Doors
    from codelathe.store import Progress

#: What a model can be pruned in, `auto` aside.
PRUNE_PRECISIONS = ("float32", "bfloat16", "float16")


def prune_precision(model: str, asked: str = "auto", progress: Progress | None = None) -> str:
    """The precision to prune and save `model` in, which is fetched where it is missing.

    `auto` is what a checkpoint is stored in; the weights of a GGUF file become 16 bits.

    Raises:
        InputError: the reference names nothing.
        StoreError: it cannot be had.
    """
    ref = parse_model_ref(model)
    if ref.remote or ref.scheme in ("adapter", "scripted"):
        return asked  # refused when it is opened
    path = open_store().obtain(ref, progress).path
    if asked != "auto":
        return asked
    if path.is_file():
        return "bfloat16"
    config = read_checkpoint_header(path).config
    stored = str(config.get("dtype") or config.get("torch_dtype"))
    return stored if stored in PRUNE_PRECISIONS else "float32"


def prune_doors(model: str, precision: str) -> Doors:
    """What `compression.pruning.prune` is handed for `model`."""
    from codelathe.compression.job import Doors

    return Doors(
        open=lambda: open_checkpoint(model, precision),
        reopen=lambda folder: open_checkpoint(f"{folder.absolute()}/", precision),
    )
