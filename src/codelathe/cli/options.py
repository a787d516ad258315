"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from codelathe.cli.console import Decorator
from codelathe.wiring import DEFAULT_MODEL


class _NamedPath(click.Path):
    """A path; an empty text, as an unset variable of the shell leaves, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("an empty text names nothing", param, ctx)
        return super().convert(value, param, ctx)


#: What an option or argument that names a file or a folder takes.
PATH = _NamedPath(path_type=Path)

model_option: Decorator = click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, metavar="REF", envvar="CODELATHE_MODEL",
    help="An alias, a path, gguf:PATH, hf:REPO, adapter:DIR, openai:NAME or huggingface:NAME.",
)  # fmt: skip
precision_option: Decorator = click.option(
    "--precision", default="auto", show_default=True, metavar="NAME",
    help="For --engine transformers: float32, bfloat16, float16, int8 or int4.",
)  # fmt: skip
engine_option: Decorator = click.option(
    "--engine", default="auto", show_default=True, metavar="NAME",
    help="For local models: auto, llamacpp, openvino or transformers.",
)  # fmt: skip
