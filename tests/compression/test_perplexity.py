"""Perplexity is the exponential of the mean loss, by transformers' own loss."""

from __future__ import annotations

import math

import pytest
import torch

from codelathe.compression.perplexity import measure_perplexity
from fakes import checkpoints

WINDOWS = [list(range(5, 150)), list(range(300, 155, -1))]


def test_it_is_the_exponential_of_the_models_own_loss() -> None:
    model = checkpoints.model("llama")
    with torch.no_grad():
        ids = torch.tensor(WINDOWS)
        loss = float(model(input_ids=ids, labels=ids).loss)
    found = measure_perplexity(model, WINDOWS)
    assert found.value == pytest.approx(math.exp(loss), rel=1e-4)
    assert found.tokens == 2 * 144


def test_a_model_that_gives_no_numbers_is_infinitely_surprised() -> None:
    model = checkpoints.model("llama")
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    assert measure_perplexity(model, WINDOWS).value == math.inf
