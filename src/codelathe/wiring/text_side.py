"""A model's name becomes what it does with text, without its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codelathe.core.checkpoint import (
    read_checkpoint_header,
    read_tokenizer_header,
)
from codelathe.core.gguf import read_gguf_header
from codelathe.wiring.models import find_weights, template_of

if TYPE_CHECKING:
    from codelathe.store import Progress
    from codelathe.text.chat import ChatTemplate
    from codelathe.training.data.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class TextSide:
    """What a model does with text, without its weights. `template` is None for a base model.

    A tokenizer may hold a file open until `close` is called.
    """

    tokenizer: Tokenizer
    template: ChatTemplate | None
    context_length: int | None
    model: str
    close: Callable[[], None] = lambda: None


def open_text_side(model: str, progress: Progress | None = None) -> TextSide:
    """The tokenizer and the template of the model named `model`, fetched where it is missing.

    Raises:
        InputError: the reference does not parse, names nothing known, or a service's model.
        StoreError: it cannot be had.
        EngineError: its tokenizer cannot be read, or a package is missing.
    """
    found = find_weights(model, progress, shows="tokenizer")
    local = found.local
    if local.format == "gguf":
        from codelathe.engines.gguf_tokenizer import GgufTokenizer

        gguf = read_gguf_header(local.path)
        own = GgufTokenizer(gguf)
        return TextSide(own, template_of(gguf), gguf.context_length, model, own.close)
    from codelathe.training.data.tokenizer import open_tokenizer

    header = talks = read_checkpoint_header(local.path)
    if found.adapter is not None:
        beside = read_tokenizer_header(found.adapter.path)
        talks = beside if beside.has_tokenizer else header
    template = template_of(talks if talks.chat_template else header)
    return TextSide(open_tokenizer(talks), template, header.context_length, model)
