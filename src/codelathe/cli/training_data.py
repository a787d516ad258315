"""What the verbs on training data share: reading what was named, and a model's side of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from codelathe.cli.console import Decorator, Output

if TYPE_CHECKING:
    from codelathe.training.data.loading import Loaded
    from codelathe.training.data.rendering import Renderer
    from codelathe.wiring import TextSide

map_option: Decorator = click.option(
    "--map", "mapping", default="", metavar="OURS=THEIRS,...",
    help="What the data calls a field: instruction=question,output=answer.",
)  # fmt: skip


def read_data(names: Sequence[str], mapping: str, output: Output) -> Loaded:
    """The rows and faults of the files and hub data sets in `names`.

    Raises:
        InputError: one cannot be read, or the mapping is not one.
        StoreError: a data set cannot be had.
    """
    from codelathe.cli.progress import fetching
    from codelathe.training.data.forms import parse_mapping
    from codelathe.training.data.loading import load_rows
    from codelathe.training.data.sources import find_files
    from codelathe.wiring import open_store

    fields = parse_mapping(mapping)
    with fetching(output) as progress:
        files = find_files(names, open_store(), progress)
    return load_rows(files, fields)


@contextmanager
def open_renderer(model: str, output: Output) -> Iterator[tuple[Renderer, TextSide]]:
    """What turns rows into the tokens of `model`, by its own tokenizer and template.

    Raises:
        InputError: the reference names nothing, or a service's model.
        StoreError: the model cannot be had.
        EngineError: its tokenizer cannot be read.
    """
    from codelathe.cli.progress import fetching
    from codelathe.training.data.rendering import Renderer
    from codelathe.wiring import open_text_side

    with fetching(output) as progress:
        side = open_text_side(model, progress)
    try:
        yield Renderer(side.tokenizer, side.template, model=model), side
    finally:
        side.close()
