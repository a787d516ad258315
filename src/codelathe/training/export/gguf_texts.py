"""What a GGUF file does with texts, beside the model it was made from.

Compared are tokens of plain texts, of chats and of special tokens within text; and of a
checkpoint, whose vocabulary was written anew, also template, begin and end of texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from codelathe.core.generation import Message
from codelathe.core.gguf import GgufHeader, read_gguf_header
from codelathe.training.export.merging import Opened, TokenSide
from codelathe.training.export.prompts import PROBES

#: A text to its tokens, special ones read as such and none added.
Encode = Callable[[str], Sequence[int]]
#: Special tokens that are looked at; vocabularies hold hundreds in reserve.
_SPECIAL = 64
_ENDS = ("eos", "eot", "eom")


def compare_texts_of(
    opened: Opened, before: TokenSide, file: Path, encoders: tuple[Encode | None, Encode]
) -> tuple[list[str], list[str]]:
    """What differs, and what there is to say, in words.

    `encoders` are those of the first model, None for its tokenizer of `transformers`, and of
    the file.
    """
    header, (first, second) = read_gguf_header(file), encoders
    from_checkpoint = first is None
    first = first or _encoder(opened.tokenizer)
    notes: list[str] = []
    faults = _parted("texts", PROBES, (first, second))
    marked = _parted("chats and special tokens", list(_marked(opened)), (first, second))
    # After a special token llama.cpp reads SentencePiece's texts with a space before them.
    spaced = header.metadata.get("tokenizer.ggml.model") == "llama"
    (notes if spaced else faults).extend(marked)
    if from_checkpoint:  # of another GGUF file all of this was copied
        faults += _edges(opened.tokenizer, before, header)
    return faults, notes


def _encoder(tokenizer: Any) -> Encode:
    def encode(text: str) -> Sequence[int]:
        tokens: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return tokens

    return encode


def _marked(opened: Opened) -> Iterator[str]:
    """Texts with special tokens in them."""
    if template := opened.text.template:
        yield from (template((Message("user", text),)) for text in PROBES[:4])
    added = [token.content for token in opened.tokenizer.added_tokens_decoder.values()]
    yield from (f"x = 1{token}def f" for token in added[:_SPECIAL])


def _parted(what: str, texts: Sequence[str], encoders: tuple[Encode, Encode]) -> list[str]:
    """The texts that the two tokenizers read differently."""
    first, second = encoders
    parted = [text for text in texts if list(first(text)) != list(second(text))]
    if not parted:
        return []
    told = f"{len(parted)} of {len(texts)} {what} become other tokens"
    return [f"{told}, such as {parted[0][:40]!r}"]


def _edges(tokenizer: Any, before: TokenSide, header: GgufHeader) -> list[str]:
    """What differs in the template, and in how texts begin and answers end."""
    told, faults = header.metadata, []
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if template and template != header.chat_template:
        faults.append("the chat template differs")
    named = [told.get(f"tokenizer.ggml.{name}_token_id") for name in _ENDS]
    ends = {int(token) for token in named if token is not None}
    if before.ends and not before.ends & ends:
        faults.append(f"answers end with {sorted(before.ends)}, in the file with {sorted(ends)}")
    whole, plain = (
        tokenizer("a", add_special_tokens=special, verbose=False)["input_ids"]
        for special in (True, False)
    )
    begins, ends_with = (
        [told.get(f"tokenizer.ggml.{kind}_token_id")]
        if told.get(f"tokenizer.ggml.add_{kind}_token")
        else []
        for kind in ("bos", "eos")
    )
    if whole != [*begins, *plain, *ends_with]:
        faults.append(f"around texts stand {whole}, in the file {[*begins, *plain, *ends_with]}")
    return faults
