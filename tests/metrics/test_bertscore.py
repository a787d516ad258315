"""BERTScore on a tiny encoder of random weights that the test builds."""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.errors import ArtefactUnavailable
from codelathe.metrics.bertscore import BertScore, token_weights
from codelathe.metrics.similarity import Encoder, Row, Settings, score_texts, summed

needs_torch = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("torch", "transformers")),
    reason="torch and transformers are not installed",
)

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "def", "add", "a", "b", "x", "y", "return"]
SIGNS = ["(", ")", ",", ":", "+", "-", "##2", "while", "not", "print"]
PREDICTIONS = ["def add(a, b): return a + b", "print(x)", "while not a: a - b", "return x2"]
REFERENCES = [
    ("def add(x, y): return x + y",),
    ("print(a)", "return x"),
    ("while x: y",),
    ("return x2",),
]


def checkpoints() -> Any:
    """The maker of tiny checkpoints, which needs torch to be imported."""
    return importlib.import_module("fakes.checkpoints")


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("encoder")
    (folder / "vocab.txt").write_text("\n".join([*WORDS, *SIGNS]) + "\n")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS) + len(SIGNS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=24,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt"), model_max_length=24).save_pretrained(folder)
    return str(folder)


def rows(encoder: str, predictions: Sequence[str], references: Any) -> list[Row]:
    return list(BertScore(Settings("", Encoder(encoder))).rows(predictions, references))


def by_hand(encoder: str, prediction: str, reference: str) -> tuple[float, float, float]:
    """The paper's formula, one pair at a time, without batches or padding."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder)
    vectors = []
    for text in (prediction, reference):
        with torch.no_grad():
            hidden = model.eval()(**tokenizer(text, return_tensors="pt"))[0][0]
        vectors.append(hidden / hidden.norm(dim=1, keepdim=True))
    near = vectors[0] @ vectors[1].T
    precision = near.max(1).values[1:-1].mean().item()
    recall = near.max(0).values[1:-1].mean().item()
    return precision, recall, 2 * precision * recall / (precision + recall)


@needs_torch
def test_it_is_the_papers_formula(encoder: str) -> None:
    found = rows(encoder, PREDICTIONS[:1], REFERENCES[:1])[0]
    assert found[:3] == pytest.approx(by_hand(encoder, PREDICTIONS[0], REFERENCES[0][0]), abs=1e-5)


@needs_torch
def test_it_is_the_bert_score_packages(encoder: str) -> None:
    package = pytest.importorskip("bert_score", reason="bert-score is not installed")
    lists = [list(many) for many in REFERENCES]
    scorer = package.BERTScorer(
        model_type=encoder,
        num_layers=2,
        lang="en",
        nthreads=0,
    )
    wanted = [values.tolist() for values in scorer.score(PREDICTIONS, lists)]
    found = rows(encoder, PREDICTIONS, REFERENCES)
    for number in range(3):
        assert [row[number] for row in found] == pytest.approx(wanted[number], abs=1e-4)


@needs_torch
def test_equal_texts_score_one(encoder: str) -> None:
    (score,) = score_texts(["print(x)"], ["print(x)"], ["bertscore"], encoder=Encoder(encoder))
    assert score.value == pytest.approx(1.0, abs=1e-6)


@needs_torch
def test_a_pair_scores_the_same_whatever_stands_beside_it(encoder: str) -> None:
    together = rows(encoder, PREDICTIONS, REFERENCES)
    alone = [rows(encoder, [p], [r])[0] for p, r in zip(PREDICTIONS, REFERENCES, strict=True)]
    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


@needs_torch
def test_swapping_the_texts_swaps_precision_and_recall(encoder: str) -> None:
    ((precision, recall, f1, _),) = rows(encoder, ["print(a)"], [("while x: y",)])
    ((swapped, back, same, _),) = rows(encoder, ["while x: y"], [("print(a)",)])
    assert (swapped, back, same) == pytest.approx((recall, precision, f1), abs=1e-6)


@needs_torch
@pytest.mark.parametrize(("prediction", "reference"), [("", "x"), ("x", " \n"), ("", "")])
def test_an_empty_text_scores_zero(encoder: str, prediction: str, reference: str) -> None:
    assert rows(encoder, [prediction], [(reference,)]) == [(0.0, 0.0, 0.0, 1.0)]


@needs_torch
def test_a_text_beyond_the_longest_input_is_cut(encoder: str) -> None:
    ((precision, recall, _, _),) = rows(encoder, ["x " * 500], [("x " * 22,)])
    assert (precision, recall) == pytest.approx((1.0, 1.0), abs=1e-5)


@needs_torch
def test_the_corpus_score_is_the_mean_over_the_pairs(encoder: str) -> None:
    metric = BertScore(Settings("", Encoder(encoder)))
    found = list(metric.rows(PREDICTIONS, REFERENCES))
    mean = math.fsum(row[2] for row in found) / len(found)
    assert metric.scores(summed(found))["bertscore"] == pytest.approx(mean)


@needs_torch
def test_the_signature_tells_encoder_and_layer(encoder: str) -> None:
    signature = BertScore(Settings("", Encoder(encoder))).signature
    assert f"|encoder:{Path(encoder).name}|layer:2|" in signature


@needs_torch
def test_the_signature_tells_weights_that_are_known(encoder: str) -> None:
    known = Encoder("small", encoder, "0123456789abcdef")
    assert "|encoder:small|weights:0123456789ab|" in BertScore(Settings("", known)).signature


@needs_torch
def test_an_encoder_by_another_name_scores_the_same(encoder: str) -> None:
    named = BertScore(Settings("", Encoder("small", encoder)))
    assert list(named.rows(PREDICTIONS, REFERENCES)) == rows(encoder, PREDICTIONS, REFERENCES)


@needs_torch
def test_no_layer_beyond_the_last_is_taken(encoder: str) -> None:
    assert "|layer:2|" in BertScore(Settings("", Encoder("roberta-large", encoder))).signature


@needs_torch
@pytest.mark.parametrize("architecture", ["gpt2", "t5"])
def test_models_without_a_mark_or_a_longest_input_can_be_encoders(
    architecture: str, tmp_path: Path
) -> None:
    folder = checkpoints().save(tmp_path, architecture)
    ((*scores, _),) = rows(str(folder), ["return a + b"], [("return a + b",)])
    assert scores == pytest.approx([1.0, 1.0, 1.0], abs=1e-5)


@needs_torch
def test_pickled_weights_are_read_as_data(tmp_path: Path) -> None:
    plain, pickled = (
        checkpoints().save(tmp_path / str(kind), "bert", pickled=kind) for kind in (False, True)
    )
    assert rows(str(plain), PREDICTIONS, REFERENCES) == rows(str(pickled), PREDICTIONS, REFERENCES)


@needs_torch
def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    import torch

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    folder = checkpoints().save(tmp_path / "bomb", "bert", pickled=True)
    torch.save({"embeddings": Bomb()}, folder / "pytorch_model.bin")
    with pytest.raises(ArtefactUnavailable, match="would run code"):
        BertScore(Settings("", Encoder(str(folder))))
    assert not (tmp_path / "ran").exists()


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def lacking(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    weights.pop(next(name for name in sorted(weights) if "layer.1" in name))
    save_file(weights, path, {"format": "pt"})


def unspoken(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


@needs_torch
@pytest.mark.parametrize(
    ("spoil", "told"),
    [(cut, "could not be loaded"), (lacking, "lacks weights"), (unspoken, "has no tokenizer")],
)
def test_an_encoder_that_is_not_whole_is_refused(spoil: Any, told: str, tmp_path: Path) -> None:
    spoil(checkpoints().save(tmp_path, "bert"))
    with pytest.raises(ArtefactUnavailable, match=told):
        BertScore(Settings("", Encoder(str(tmp_path))))


@needs_torch
def test_an_encoder_whose_vectors_are_no_numbers_gives_no_score(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = checkpoints().save(tmp_path, "bert") / "model.safetensors"
    weights = load_file(path)
    weights[next(name for name in weights if "word_embeddings" in name)][:] = float("nan")
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(ArtefactUnavailable, match="no numbers"):
        rows(str(tmp_path), ["a"], [("b",)])


@needs_torch
def test_loading_an_encoder_prints_nothing(encoder: str, capfd: pytest.CaptureFixture[str]) -> None:
    BertScore(Settings("", Encoder(encoder)))
    assert capfd.readouterr() == ("", "")


@needs_torch
def test_an_encoder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArtefactUnavailable) as caught:
        BertScore(Settings("", Encoder(str(tmp_path / "none"))))
    assert "none" in caught.value.message


def test_marks_weigh_nothing() -> None:
    assert token_weights([101, 7, 8, 102], {101, 102}) == [0.0, 0.5, 0.5, 0.0]


def test_a_text_of_marks_alone_has_no_weight() -> None:
    assert token_weights([101, 102], {101, 102}) == [0.0, 0.0]
