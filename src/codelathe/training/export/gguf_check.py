"""A GGUF file beside the model it was made from: tokens, logits, greedy texts.

Tokens must be the same and logits within the bounds of the file's type, as `transformers` reads
the file. The texts of the engines that run it are told and not judged: each engine rounds in
its own way, and what a type of few bits costs is for a benchmark to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.core.errors import EngineError, ModelFileError
from codelathe.core.spinning import load_torch
from codelathe.training.export.comparing import BOUNDS, Comparison, Texts, compare_texts
from codelathe.training.export.gguf_texts import Encode, compare_texts_of
from codelathe.training.export.merging import Heard, Open, TokenSide
from codelathe.training.export.prompts import prompts

#: Prompts to greedy texts.
Write = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Sides:
    """The two models as the check uses them; the first is what the file was made from.

    `first_texts` and those of `engines` write greedy texts; `unable` tells why an engine cannot
    run the file. `adapter` is put on the first model where it has one. `encode` is what the file
    reads texts as; `encode_first` what is to be read, where it is not the tokenizer that
    `transformers` has for the first model.
    """

    first: str
    file: Path
    adapter: Path | None
    encode: Encode
    encode_first: Encode | None
    first_texts: Write
    engines: Mapping[str, Write]
    unable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GgufCheck:
    """What came of it. `logits` is None where the file could not be read again: `faults`."""

    logits: Comparison | None
    texts: tuple[Texts, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether tokens and logits are as they have to be, and every engine that can runs it."""
        return not self.broken()

    def broken(self) -> list[str]:
        """What is not as it has to be, in words."""
        return [*self.faults, *(self.logits.broken() if self.logits else ())]

    def document(self) -> dict[str, Any]:
        """For the file's own record and `--json`."""
        logits = self.logits.document() if self.logits else {}
        return {
            **logits,
            "passed": self.passed,
            "faults": self.broken(),
            "engines": [texts.document() for texts in self.texts],
            "notes": list(self.notes),
        }


def check_gguf(
    sides: Sides, kind: str, count: int, work: Path, open_model: Open, heard: Heard
) -> GgufCheck:
    """Compare on `count` prompts; `work` is an empty folder for logits.

    Raises:
        EngineError: a model cannot be loaded, as where there is too little memory for it.
    """
    logits, faults, notes = _read_again(sides, kind, count, work, open_model, heard)
    asked = prompts(count)
    heard("texts of the original", 0, count)
    first = sides.first_texts(asked)
    texts = []
    for engine, write in sides.engines.items():
        heard(f"texts of {engine}", 0, count)
        try:
            texts.append(compare_texts(engine, first, write(asked)))
        except EngineError as error:
            faults.append(f"{engine} does not run the file: {error.message}")
    notes += [f"{engine} does not run the file: {why}" for engine, why in sides.unable.items()]
    return GgufCheck(logits, tuple(texts), tuple(faults), tuple(notes))


def _read_again(
    sides: Sides, kind: str, count: int, work: Path, open_model: Open, heard: Heard
) -> tuple[Comparison | None, list[str], list[str]]:
    """The logits by `transformers`, where it reads the file; faults of tokens; notes."""
    load_torch()
    from codelathe.training.export._torch_answers import Answers
    from codelathe.training.export._torch_merging import attach

    heard("loading", 0, count)
    opened = open_model(sides.first, "float32")
    before = TokenSide.of(opened)
    faults, notes = compare_texts_of(opened, before, sides.file, (sides.encode_first, sides.encode))
    model = opened.model
    if sides.adapter is not None:
        model = attach(model, sides.adapter).get_base_model()
    first = Answers(
        model, [before.read(opened, text) for text in prompts(count)], before.ends, work
    )
    first.ask(lambda done: heard("the original", done, count))
    first.let_go()
    opened.text.close()
    del opened, model
    try:
        again = open_model(str(sides.file), "float32")
    except ModelFileError as error:
        return None, [*faults, f"the file is not read again: {error.message}"], notes
    except EngineError as error:  # too little memory, which is no fault of the file
        raise EngineError(
            f"{sides.file} is written, and not compared: {error.message}",
            hint="the same command compares it, once there is more memory",
        ) from error
    try:
        led = first.lead(again.model, lambda done: heard("the file", done, count))
    finally:
        again.text.close()
    return Comparison(led, BOUNDS[kind]), faults, notes
