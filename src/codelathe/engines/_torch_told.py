"""What the libraries say while a model is loaded: errors told of their file, bars kept silent."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import transformers.modeling_gguf_pytorch_utils as gguf_reading
from safetensors import SafetensorError
from transformers.utils import logging

from codelathe.core.errors import EngineError, ModelFileError

#: What a broken, foreign or unknown file makes the libraries raise.
_BROKEN = (
    OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError,
    ImportError, SafetensorError,
)  # fmt: skip


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """Say of which file it is what the libraries raise."""
    try:
        yield
    except EngineError:
        raise
    except (MemoryError, torch.OutOfMemoryError):
        raise EngineError(
            f"there is too little memory for {path}",
            hint="choose a smaller model, or a smaller precision (bfloat16, int8, int4)",
        ) from None
    except _BROKEN as error:
        raise ModelFileError(
            f"transformers cannot load {path}: {_brief(error)}",
            hint="fetch it again (lathe models pull NAME), or name another model",
        ) from None


def _brief(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars, and no word of what is checked here anyway."""
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    bar = gguf_reading.tqdm  # the one bar that the switch above does not reach
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    gguf_reading.tqdm = lambda items, **_: items
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        gguf_reading.tqdm = bar
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()
