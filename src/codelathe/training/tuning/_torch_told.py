"""What the libraries say while they train, and what is said in its place."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import transformers

from codelathe.core.errors import EngineError
from codelathe.training.recipe import Recipe
from codelathe.training.tuning._torch_place import lower

_MEMORY = ("can't allocate memory", "out of memory", "cannot allocate memory")
#: What processes speak to each other by, as errors name it.
_BETWEEN = ("gloo", "nccl")


@contextmanager
def told_of_memory(recipe: Recipe) -> Iterator[None]:
    """Say what to lower where the memory does not suffice."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError):
        raise EngineError("there is too little memory", hint=lower(recipe)) from None
    except RuntimeError as error:
        if any(words in str(error).lower() for words in _MEMORY):
            raise EngineError("there is too little memory", hint=lower(recipe)) from None
        raise


@contextmanager
def told_of_others() -> Iterator[None]:
    """Say that another process of the run has ended, where this one would wait for it."""
    try:
        yield
    except RuntimeError as error:
        several = int(os.environ.get("WORLD_SIZE", "1")) > 1
        if several and any(word in str(error).lower() for word in _BETWEEN):
            raise EngineError(
                "another process of this run has ended",
                hint="see what it said; the same command goes on from the last checkpoint",
            ) from None
        raise


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing from the libraries but errors: what matters is said by us."""
    before, bars = (
        transformers.logging.get_verbosity(),
        transformers.logging.is_progress_bar_enabled(),
    )
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers.logging.set_verbosity(before)
        if bars:
            transformers.logging.enable_progress_bar()
