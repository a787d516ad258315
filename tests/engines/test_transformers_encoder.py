"""Vectors of texts, on a tiny encoder, beside `transformers` itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
import numpy as np  # noqa: E402

from codelathe.core.errors import UsageError  # noqa: E402
from codelathe.engines import transformers_encoder  # noqa: E402
from codelathe.engines.transformers_encoder import TransformersEncoder  # noqa: E402

TEXTS = ("def add(a, b):\n    return a + b", "x", "두 수를 더하는 함수", "class Stack:", "")

Checkpoint = Callable[[str], Path]


@pytest.fixture
def encoder(checkpoint: Checkpoint) -> TransformersEncoder:
    return TransformersEncoder(checkpoint("bert"))


def hidden(folder: Path, text: str, layer: int = -1) -> np.ndarray:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder)
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    with torch.no_grad():
        states = model(input_ids=ids, output_hidden_states=True).hidden_states[layer]
    return np.asarray(states[0])


@pytest.mark.parametrize("layer", [-1, 0, 1, 2])
def test_tokens_of_a_batch_have_the_vectors_they_have_alone(
    encoder: TransformersEncoder, checkpoint: Checkpoint, layer: int
) -> None:
    for text, found in zip(TEXTS, encoder.tokens(TEXTS, layer), strict=True):
        alone = hidden(checkpoint("bert"), text, layer)
        np.testing.assert_allclose(found.vectors, alone, rtol=1e-4, atol=1e-5)


def test_a_text_is_the_mean_of_its_tokens_at_length_one(
    encoder: TransformersEncoder, checkpoint: Checkpoint
) -> None:
    for text, found in zip(TEXTS, encoder.embed(TEXTS), strict=True):
        mean = hidden(checkpoint("bert"), text).mean(axis=0)
        np.testing.assert_allclose(found, mean / np.linalg.norm(mean), rtol=1e-4, atol=1e-5)


def test_passes_of_any_size_give_the_same_vectors(
    encoder: TransformersEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encoder.embed(TEXTS)
    monkeypatch.setattr(transformers_encoder, "_PASS", 8)
    np.testing.assert_allclose(encoder.embed(TEXTS), whole, rtol=1e-4, atol=1e-5)


def test_tokens_that_are_not_of_the_text_are_marked(encoder: TransformersEncoder) -> None:
    [found] = encoder.tokens(["x"])
    assert found.special == (True, False, True)


def test_no_texts_have_no_vectors(encoder: TransformersEncoder) -> None:
    assert encoder.embed([]).shape == (0, 32)
    assert encoder.tokens([]) == []


def test_a_text_that_is_too_long_is_cut_and_says_so(encoder: TransformersEncoder) -> None:
    long, short = encoder.tokens(["x" * 500, "x"])
    assert (len(long.ids), long.cut, short.cut) == (160, True, False)


def test_a_layer_that_is_not_there_is_refused(encoder: TransformersEncoder) -> None:
    with pytest.raises(UsageError, match="layers 0 to 2"):
        encoder.tokens(["x"], 3)


def test_of_an_encoder_decoder_the_encoder_is_used(checkpoint: Checkpoint) -> None:
    assert TransformersEncoder(checkpoint("t5")).embed(["x", "def f"]).shape == (2, 32)


def test_the_store_s_names_open_an_encoder(checkpoint: Checkpoint) -> None:
    from codelathe.wiring import open_encoder

    assert open_encoder(str(checkpoint("bert"))).layers == 2
