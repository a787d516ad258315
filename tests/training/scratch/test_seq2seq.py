"""The encoder-decoder on torch.nn.Transformer: masks, cached writing, saving, the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from codelathe.core.generation import Request, Sampling  # noqa: E402
from codelathe.engines.transformers import TransformersEngine  # noqa: E402
from codelathe.training.scratch.tokenizing import (  # noqa: E402
    Specials,
    as_transformers,
    train_tokenizer,
)
from codelathe.wiring import new_model  # noqa: E402

TEXTS = (
    "def add(a, b): return a + b",
    "class Stack: pass",
    "for i in range(10): print(i)",
    "더하기",
)
SPECIALS = Specials.encoder_decoder()
CONFIG = {
    "model_type": "codelathe-seq2seq", "vocab_size": 300, "d_model": 32,
    "num_attention_heads": 4, "encoder_layers": 2, "decoder_layers": 2, "feed_forward": 64,
    "dropout": 0.1, "max_position_embeddings": 64,
}  # fmt: skip


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model() -> Any:
    """Layers drawn wide beside the embeddings, so that each token hangs on those before."""
    made = new_model(CONFIG, 3).eval()
    made.requires_grad_(False)
    drawn = torch.Generator().manual_seed(0)
    for name, weights in made.named_parameters():
        if weights.dim() > 1 and not name.startswith("embedding"):
            weights.normal_(std=0.4, generator=drawn)
    return made


@pytest.fixture(scope="module")
def folder(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("seq2seq")
    model.save_pretrained(where)
    own = train_tokenizer(TEXTS, 300, SPECIALS)
    as_transformers(own, SPECIALS, 64).save_pretrained(where)
    return where


def ids(*rows: list[int]) -> Any:
    return torch.tensor(rows)


def test_a_token_does_not_see_those_after_it(model: Any) -> None:
    source = ids([5, 6, 7])
    one = model(input_ids=source, decoder_input_ids=ids([1, 9, 10, 11])).logits
    other = model(input_ids=source, decoder_input_ids=ids([1, 9, 20, 21])).logits
    assert torch.equal(one[:, :2], other[:, :2])
    assert not torch.allclose(one[:, 2:], other[:, 2:])


def test_padding_of_sources_changes_nothing(model: Any) -> None:
    target = ids([1, 9, 10])
    alone = model(input_ids=ids([5, 6, 7]), decoder_input_ids=target).logits
    padded = model(
        input_ids=ids([5, 6, 7, 0, 0]), attention_mask=ids([1, 1, 1, 0, 0]),
        decoder_input_ids=target,
    ).logits  # fmt: skip
    torch.testing.assert_close(alone, padded, atol=1e-4, rtol=1e-4)


def test_padding_of_targets_changes_no_loss(model: Any) -> None:
    source = ids([5, 6, 7])
    alone = model(input_ids=source, labels=ids([9, 10, 2])).loss
    padded = model(input_ids=source, labels=ids([9, 10, 2, -100, -100])).loss
    torch.testing.assert_close(alone, padded)


def test_the_loss_is_of_right_tokens_given_those_before(model: Any) -> None:
    source, labels = ids([5, 6, 7]), ids([9, 10, 2])
    logits = model(input_ids=source, decoder_input_ids=ids([1, 9, 10])).logits
    expected = torch.nn.functional.cross_entropy(logits[0], labels[0])
    torch.testing.assert_close(model(input_ids=source, labels=labels).loss, expected)


def test_writing_token_by_token_gives_the_logits_of_the_whole(model: Any) -> None:
    source, target = ids([5, 6, 7, 8], [5, 9, 0, 0]), ids([1, 9, 10, 11], [1, 30, 31, 32])
    mask = ids([1, 1, 1, 1], [1, 1, 0, 0])
    whole = model(input_ids=source, attention_mask=mask, decoder_input_ids=target).logits
    cache, steps = None, []
    for part in (target[:, :2], target[:, 2:3], target[:, 3:]):
        found = model(
            input_ids=source, attention_mask=mask, decoder_input_ids=part,
            past_key_values=cache, use_cache=True,
        )  # fmt: skip
        cache = found.past_key_values
        steps.append(found.logits)
    torch.testing.assert_close(torch.cat(steps, dim=1), whole, atol=1e-4, rtol=1e-4)


def test_new_weights_hang_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = new_model(CONFIG, 7).state_dict()
    torch.manual_seed(2)
    again, other = new_model(CONFIG, 7).state_dict(), new_model(CONFIG, 8).state_dict()
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["embedding.weight"], other["embedding.weight"])


def test_a_saved_model_is_loaded_with_its_own_weights(model: Any, folder: Path) -> None:
    loaded = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder)
    assert all(torch.equal(loaded.state_dict()[k], v) for k, v in model.state_dict().items())


def test_the_engine_writes_what_greedy_generate_writes(model: Any, folder: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    requests = [Request(prompt=text, sampling=Sampling(max_tokens=12)) for text in TEXTS]
    answers = sorted(TransformersEngine(folder).generate(requests), key=lambda c: c.request)
    assert len({answer.text for answer in answers}) > 1
    for text, answer in zip(TEXTS, answers, strict=True):
        given = tokenizer(text, return_tensors="pt")
        written = model.generate(
            input_ids=given["input_ids"], attention_mask=given["attention_mask"],
            max_new_tokens=12, do_sample=False,
        )[0]  # fmt: skip
        expected = tokenizer.decode(written, skip_special_tokens=True)
        assert answer.text == expected.rstrip("\ufffd")


def test_beam_search_finds_answers_that_are_no_less_likely(model: Any) -> None:
    source = ids([5, 6, 7])
    mask = torch.ones_like(source)

    def mean(row: Any) -> float:
        logits = model(input_ids=source, decoder_input_ids=row[None, :-1]).logits[0]
        chances = logits.log_softmax(-1).gather(1, row[1:, None])
        return float(chances.mean())

    settings: dict[str, Any] = {"max_new_tokens": 6, "do_sample": False, "min_new_tokens": 6}
    greedy = model.generate(input_ids=source, attention_mask=mask, **settings)[0]
    beam = model.generate(input_ids=source, attention_mask=mask, num_beams=8, **settings)[0]
    assert mean(beam) >= mean(greedy) - 1e-5


def test_the_engine_refuses_a_prompt_beyond_the_context(folder: Path) -> None:
    from codelathe.core.errors import ContextOverflow

    request = Request(prompt="x " * 200, sampling=Sampling(max_tokens=8))
    with pytest.raises(ContextOverflow):
        list(TransformersEngine(folder).generate([request]))


def test_the_engine_runs_it_in_sixteen_bits(folder: Path) -> None:
    engine = TransformersEngine(folder, precision="bfloat16")
    request = Request(prompt=TEXTS[0], sampling=Sampling(max_tokens=4))
    assert len(list(engine.generate([request]))) == 1


def test_numbers_that_its_attention_cannot_take_are_refused(folder: Path) -> None:
    from codelathe.core.errors import UnsupportedArgument

    with pytest.raises(UnsupportedArgument, match="no quantized weights"):
        TransformersEngine(folder, precision="int8")
