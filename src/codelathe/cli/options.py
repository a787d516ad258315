"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from codelathe.wiring import DEFAULT_MODEL

model_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, metavar="REF", envvar="CODELATHE_MODEL",
    help="An alias, a path, gguf:PATH, hf:REPO, adapter:DIR, openai:NAME or huggingface:NAME.",
)  # fmt: skip
precision_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--precision", default="auto", show_default=True, metavar="NAME",
    help="For --engine transformers: float32, bfloat16, float16, int8 or int4.",
)  # fmt: skip
engine_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--engine", default="auto", show_default=True, metavar="NAME",
    help="For local models: auto, llamacpp, openvino or transformers.",
)  # fmt: skip
