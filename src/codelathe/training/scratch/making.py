"""From rows to a model that nothing was known of before: parts, tokenizer, shape, weights.

The tokenizer is learned from the training part alone. A decoder learns by the loop that tunes
other models; an encoder-decoder by one of its own, after which it answers held-out rows, so that
there is something to look at and to score. The modules themselves are made by whoever also loads
them again: a function is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.core.errors import InputError
from codelathe.text.chat import ChatTemplate, compile_chat_template
from codelathe.training.data.preparing import (
    Parted,
    Preparation,
    left_out,
    part_rows,
    render_parts,
    repeated,
)
from codelathe.training.data.rendering import Renderer, Rendering
from codelathe.training.data.rows import Chat, Pair, Row
from codelathe.training.data.splitting import Shares
from codelathe.training.data.tokenizer import FastTokenizer
from codelathe.training.recipe import ENCODER_DECODER, Recipe
from codelathe.training.scratch.rules import specials_of
from codelathe.training.scratch.shapes import Shape, plan_shape
from codelathe.training.scratch.tokenizing import Specials, as_transformers, train_tokenizer
from codelathe.training.tuning.listening import Listener
from codelathe.training.tuning.result import Tuned

if TYPE_CHECKING:
    import tokenizers

#: Makes the module of what a `config.json` says, its weights drawn with a seed.
Build = Callable[[Mapping[str, Any], int], Any]
NAME = "the new model"


@dataclass(frozen=True, slots=True)
class Made:
    """What came out: the course of the training, the shape, the tokens that were learned.

    `answers` are files of an encoder-decoder's answers to held-out rows, by how it was decoded.
    `notes` say what may not be what was meant.
    """

    tuned: Tuned
    shape: Shape
    notes: tuple[str, ...] = ()
    answers: Mapping[str, Path] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **self.tuned.document(),
            "architecture": self.shape.architecture,
            "parameters": self.shape.parameters,
            "layers": self.shape.layers,
            "width": self.shape.width,
            "heads": self.shape.heads,
            "vocabulary": self.shape.vocabulary,
            "answers": {name: str(path) for name, path in self.answers.items()},
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class New:
    """A model that was never trained, and what belongs to it: an `OpenedModel`."""

    model: Any
    tokenizer: Any
    own: tokenizers.Tokenizer
    specials: Specials
    shape: Shape
    path: Path = Path()
    base: str = ""
    sha256: str = ""
    adapter: Path | None = None

    @property
    def device(self) -> str:
        """Where it is."""
        kind: str = self.model.device.type
        return kind

    @property
    def template(self) -> ChatTemplate | None:
        """How questions are put to it; None where it only goes on with a text."""
        source = self.specials.template
        return compile_chat_template(source, eos_token=self.specials.end) if source else None


def make_from_scratch(
    rows: Sequence[Row],
    recipe: Recipe,
    build: Build,
    listener: Listener,
    problems: Iterable[tuple[str, str]] = (),
) -> Made:
    """Train the model of the recipe's `[scratch]` on `rows`; `problems` must not be among them.

    Raises:
        InputError: rows that this model cannot learn from, or too few; benchmark text among
            them; or the recipe asks for what cannot be built.
        TuningStopped: the loss is no number any more.
        DiskFull: no room for a checkpoint.
        MissingDependency: a package is not installed.
    """
    assert recipe.scratch is not None
    rows, notes = _usable(rows, recipe)
    how = preparation(recipe)
    parted = part_rows(rows, how, problems)
    new, more = _new(parted, recipe, build)
    for note in (notes := (*notes, *more)):
        listener.say(note)
    if recipe.scratch.architecture == ENCODER_DECODER:
        from codelathe.training.scratch.learning import learn_pairs

        for note in repeated(parted.duplicates):
            listener.say(note)
        tuned, answers = learn_pairs(new, parted, recipe, listener)
        return Made(tuned, new.shape, notes, answers)
    return Made(_learn_texts(new, parted, recipe, listener), new.shape, notes)


def preparation(recipe: Recipe) -> Preparation:
    """How the recipe wants its rows prepared."""
    data = recipe.data
    return Preparation(
        max_length=data.max_length,
        long=data.long,  # type: ignore[arg-type]  # the recipe's choices are the policies
        shares=Shares(data.validation, data.test),
        by=data.by,  # type: ignore[arg-type]
        seed=data.seed,
        near=data.near or None,
        overlap=data.overlap,
    )


def _usable(rows: Sequence[Row], recipe: Recipe) -> tuple[Sequence[Row], tuple[str, ...]]:
    """The rows that this kind of model can learn from, and what is to be said of the others."""
    assert recipe.scratch is not None
    if recipe.scratch.architecture == ENCODER_DECODER:
        from codelathe.training.scratch.pairs import pair_rows

        pairs, others = pair_rows(rows)
        told = f"{others:,} rows are no pairs of prompt and completion, and are left out"
        return pairs, (told,) if others else ()
    if not recipe.scratch.chat and (asked := sum(map(_is_asked, rows))):
        raise InputError(
            f"{asked:,} of {len(rows):,} rows are instructions or messages, which need turns",
            hint="write `chat = true` under [scratch], or give rows of prompt and completion",
            field="data",
        )
    return rows, ()


def _is_asked(row: Row) -> bool:
    content = row.content
    return isinstance(content, Chat) or (isinstance(content, Pair) and content.asked)


def _new(parted: Parted, recipe: Recipe, build: Build) -> tuple[New, tuple[str, ...]]:
    """A tokenizer and untrained weights for the rows of the training part."""
    scratch, context = recipe.scratch, recipe.data.max_length
    assert scratch is not None
    specials = specials_of(recipe)
    texts = [text for row in parted.parts.train for text in _texts(row)]
    own = train_tokenizer(texts, scratch.vocabulary, specials)
    vocabulary = own.get_vocab_size()
    shape = plan_shape(scratch, vocabulary, context)
    notes = [
        f"{shape.architecture} of {shape.parameters:,} parameters: {shape.layers} layers, width "
        f"{shape.width}, {shape.heads} heads, {vocabulary:,} tokens, context {context:,}"
    ]
    if vocabulary < scratch.vocabulary:
        notes.append(
            f"the data gives {vocabulary:,} tokens of the {scratch.vocabulary:,} asked for"
        )
    model = build(shape.config(specials.ids), recipe.train.seed)
    tokenizer = as_transformers(own, specials, context)
    return New(model, tokenizer, own, specials, shape), tuple(notes)


def _texts(row: Row) -> tuple[str, ...]:
    """What a row says, without any markup."""
    content = row.content
    if isinstance(content, Chat):
        return tuple(message.content for message in content.messages)
    return (content.prompt, content.completion) if isinstance(content, Pair) else (row.text,)


def _learn_texts(new: New, parted: Parted, recipe: Recipe, listener: Listener) -> Tuned:
    """Train a decoder, by the loop that tunes any model."""
    from codelathe.training.tuning import tune

    data = recipe.data
    how = Rendering(everything=data.everything, spm=data.spm, seed=data.seed)
    renderer = Renderer(FastTokenizer(new.own, "", new.specials.end), new.template, how, NAME)
    renderer.check((*parted.parts.train, *parted.parts.validation))
    prepared = render_parts(parted, renderer, preparation(recipe))
    for note in left_out(prepared, data.max_length):
        listener.say(note)
    return tune(new, prepared, recipe, Path(recipe.out).expanduser(), listener)
