"""What a recipe may not say of a model from scratch, found without torch and without data."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from codelathe.training.recipe import ENCODER_DECODER, Recipe
from codelathe.training.scratch.shapes import faults
from codelathe.training.scratch.tokenizing import Specials

#: Where it is, what is wrong, what to write instead.
Fault = tuple[str, str, str]


def specials_of(recipe: Recipe) -> Specials:
    """The special tokens of the recipe's `[scratch]`."""
    scratch = recipe.scratch
    assert scratch is not None
    if scratch.architecture == ENCODER_DECODER:
        return Specials.encoder_decoder()
    return Specials.decoder(chat=scratch.chat)


def completed(recipe: Recipe, said: Collection[str]) -> Recipe:
    """What follows from `[scratch]` where the recipe does not say otherwise, by its field.

    All weights are learned, and a decoder learns prompts too: it knows no text yet.
    """
    scratch = recipe.scratch
    if scratch is None:
        return recipe
    if "method.name" not in said:
        recipe = replace(recipe, method=replace(recipe.method, name="full"))
    if "data.everything" not in said and scratch.architecture != ENCODER_DECODER:
        recipe = replace(recipe, data=replace(recipe.data, everything=True))
    return recipe


def scratch_faults(recipe: Recipe) -> Iterator[Fault]:
    """All that is wrong with `[scratch]`, and with what cannot stand beside it."""
    scratch = recipe.scratch
    assert scratch is not None
    for field, told in faults(scratch):
        yield f"scratch.{field}", told, ""
    smallest = specials_of(recipe).smallest
    if scratch.vocabulary < smallest:
        yield (
            "scratch.vocabulary",
            f"is {scratch.vocabulary}, too few for all bytes and the special tokens",
            f"at least {smallest}; 8192 suits a small model",
        )
    if scratch.architecture == ENCODER_DECODER:
        yield from _encoder_decoder_faults(recipe)
    if recipe.model.name:
        yield "model.name", "is given, and a model from scratch has none", "leave [model] out"
    if recipe.method.name != "full":
        yield (
            "method.name",
            f"is {recipe.method.name}, and all weights of a new model are learned",
            "leave [method] out",
        )
    if recipe.gate is not None:
        yield "gate", "compares with the model before, and there is none", "leave [gate] out"


def _encoder_decoder_faults(recipe: Recipe) -> Iterator[Fault]:
    assert recipe.scratch is not None
    if recipe.scratch.chat:
        yield (
            "scratch.chat",
            "is for decoders: an encoder-decoder reads one text and writes another",
            "leave it out",
        )
    if recipe.data.long == "split":
        yield (
            "data.long",
            "is split, and half of an answer belongs to no question",
            'long = "drop" or "cut"',
        )
    if recipe.train.precision == "float16":
        yield (
            "train.precision",
            "is float16, which is for decoders",
            'precision = "auto", "bfloat16" or "float32"',
        )
    if recipe.train.gradient_checkpointing:
        yield "train.gradient_checkpointing", "is for decoders", "leave it out"
    if recipe.data.everything:
        yield "data.everything", "is for decoders: sources are read, never learned", "leave it out"
