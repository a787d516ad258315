"""Names become objects here, and only here.

A ModelRef string becomes an Engine, a tokenizer or a checkpoint, and the judge and the store
are opened. The adapters stand in registries as strings, so that nothing is imported before it
is used.
"""

from codelathe.wiring.checkpoints import Checkpoint, new_model, open_checkpoint
from codelathe.wiring.encoders import SPARE_ENCODER, find_encoder, open_encoder
from codelathe.wiring.engines import DEFAULT_MODEL, LOCAL_ENGINES, NAMED_ENGINES, open_engine
from codelathe.wiring.judging import open_benchmark, open_judge
from codelathe.wiring.models import (
    Found,
    base_of,
    base_sha256,
    cache_folder,
    find_weights,
    model_sha256,
    open_store,
    remove_model,
    runs_folder,
)
from codelathe.wiring.pruning import prune_doors, prune_precision
from codelathe.wiring.quantizing import find_quantizable, quantize_doors
from codelathe.wiring.sweeping import open_workshop, refused_variants, require_variants
from codelathe.wiring.text_side import TextSide, open_text_side

__all__ = [
    "DEFAULT_MODEL",
    "LOCAL_ENGINES",
    "NAMED_ENGINES",
    "SPARE_ENCODER",
    "Checkpoint",
    "Found",
    "TextSide",
    "base_of",
    "base_sha256",
    "cache_folder",
    "find_encoder",
    "find_quantizable",
    "find_weights",
    "model_sha256",
    "new_model",
    "open_benchmark",
    "open_checkpoint",
    "open_encoder",
    "open_engine",
    "open_judge",
    "open_store",
    "open_text_side",
    "open_workshop",
    "prune_doors",
    "prune_precision",
    "quantize_doors",
    "refused_variants",
    "remove_model",
    "require_variants",
    "runs_folder",
]
