"""Saving a checkpoint without the progress bars of `transformers`, which know nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def save_checkpoint(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write weights, configuration and tokenizer into `folder`."""
    with no_bars():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


@contextmanager
def no_bars() -> Iterator[None]:
    """Let `transformers` draw no progress bars."""
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if bars:
            logging.enable_progress_bar()
