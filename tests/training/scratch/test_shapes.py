"""Shapes: sizes that are met, parameters as counted by torch, what cannot be built."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codelathe.core.errors import UnknownName, UsageError
from codelathe.training.recipe import SCRATCH_RATES, ScratchPart
from codelathe.training.scratch.shapes import Shape, faults, parse_size, plan_shape

ALL = sorted(SCRATCH_RATES)
TOKENS = {"pad": 0, "bos": 1, "eos": 1}


@pytest.mark.parametrize("architecture", ALL)
def test_parameters_are_those_that_torch_counts(architecture: str) -> None:
    pytest.importorskip("torch")
    from codelathe.wiring import new_model

    shape = Shape(architecture, 2, 48, 4, 300, 64, 0.1)
    model = new_model(shape.config(TOKENS))
    assert model.num_parameters() == shape.parameters


@pytest.mark.parametrize("architecture", ALL)
@pytest.mark.parametrize(("size", "vocabulary"), [("5M", 4096), ("10M", 4096), ("100M", 32000)])
def test_a_size_is_met_within_a_quarter(architecture: str, size: str, vocabulary: int) -> None:
    shape = plan_shape(ScratchPart(architecture, size), vocabulary, 256)
    assert shape.parameters == pytest.approx(parse_size(size), rel=0.25)
    assert shape.width % shape.heads == 0


def test_the_encoder_decoder_is_that_of_the_paper_where_nothing_is_said() -> None:
    shape = plan_shape(ScratchPart("encoder-decoder"), 8192, 256)
    assert (shape.layers, shape.width, shape.heads, shape.dropout) == (6, 512, 8, 0.1)


def test_a_decoder_has_ten_million_parameters_where_nothing_is_said() -> None:
    shape = plan_shape(ScratchPart("gpt2"), 4096, 256)
    assert shape.parameters == pytest.approx(10_000_000, rel=0.15)


def test_numbers_are_taken_as_they_are() -> None:
    shape = plan_shape(ScratchPart("llama", layers=3, width=96, heads=6), 1000, 128)
    assert (shape.layers, shape.width, shape.heads) == (3, 96, 6)


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (ScratchPart("gpt2", layers=2, width=100, heads=3), "heads"),
        (ScratchPart("codegen", layers=2, width=96, heads=6), "heads"),
        (ScratchPart("llama", layers=2, width=36, heads=4), "heads"),
        (ScratchPart("gpt2", size="ten"), "size"),
        (ScratchPart("gpt2", size="10M", layers=3), "size"),
        (ScratchPart("encoder-decoder", layers=1, width=33, heads=3), "width"),
    ],
)
def test_what_cannot_be_built_is_told_by_its_field(part: ScratchPart, field: str) -> None:
    assert [name for name, _ in faults(part)] == [field]
    with pytest.raises(UsageError) as error:
        plan_shape(part, 1000, 128)
    assert error.value.field == field


def test_heads_that_do_not_divide_are_told_with_near_ones_that_do() -> None:
    ((_, told),) = faults(ScratchPart("gpt2", layers=2, width=100, heads=3))
    assert "2, 4" in told


def test_an_unknown_architecture_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="unknown architecture 'lama'") as error:
        plan_shape(replace(ScratchPart(), architecture="lama"), 1000, 128)
    assert "llama" in error.value.hint


def test_a_vocabulary_that_takes_the_whole_size_is_refused() -> None:
    with pytest.raises(UsageError, match="too few for a vocabulary"):
        plan_shape(ScratchPart("gpt2", size="100K"), 50_000, 128)
