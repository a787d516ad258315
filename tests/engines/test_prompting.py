"""Prompt text, BOS and fit, before a token is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from codelathe.core.errors import ContextOverflow, UnsupportedArgument
from codelathe.core.generation import EngineInfo, Message, Request, Sampling
from codelathe.core.gguf import GgufHeader
from codelathe.engines._prompting import check_fit, prompt_text, with_one_bos

INFO = EngineInfo(name="llamacpp", model="tiny", version="1", context_length=100)


def header(**tokenizer: object) -> GgufHeader:
    metadata = {f"tokenizer.ggml.{key}": value for key, value in tokenizer.items()}
    return GgufHeader(Path("tiny.gguf"), 3, metadata, (), 0)


def test_the_prefill_follows_the_rendered_chat() -> None:
    request = Request(messages=(Message("user", "hi"),), prefill="```python\n")
    text = prompt_text(request, lambda messages: f"<{messages[0].content}>", INFO)
    assert text == "<hi>```python\n"


def test_a_chat_is_refused_by_name_where_the_model_has_no_template() -> None:
    with pytest.raises(UnsupportedArgument) as refused:
        prompt_text(Request(messages=(Message("user", "hi"),)), None, INFO)
    assert refused.value.field == "messages"


@pytest.mark.parametrize(
    "said",
    [
        {"add_bos_token": True, "model": "gpt2"},
        {"model": "llama"},
        {"model": "gpt2", "pre": "llama-bpe"},
    ],
)
def test_a_bos_is_put_in_front_where_the_model_wants_one(said: dict[str, object]) -> None:
    assert with_one_bos([5, 6], header(bos_token_id=1, **said)) == [1, 5, 6]


def test_a_bos_that_the_template_wrote_is_not_doubled() -> None:
    assert with_one_bos([1, 5], header(bos_token_id=1, add_bos_token=True)) == [1, 5]


@pytest.mark.parametrize("said", [{"add_bos_token": False}, {"model": "gpt2", "pre": "qwen2"}])
def test_no_bos_is_put_where_the_model_wants_none(said: dict[str, object]) -> None:
    assert with_one_bos([5, 6], header(bos_token_id=1, **said)) == [5, 6]


def test_prompt_and_answer_that_just_fit_are_taken() -> None:
    check_fit([[0] * 90], [Request(prompt="x", sampling=Sampling(max_tokens=10))], INFO)


def test_what_does_not_fit_is_refused_with_the_numbers() -> None:
    request = Request(prompt="x", sampling=Sampling(max_tokens=11))
    with pytest.raises(ContextOverflow, match=r"90 tokens and up to 11 .* context of 100"):
        check_fit([[0] * 90], [request], INFO)


@pytest.mark.parametrize(
    ("tokens", "hint"), [(90, "--max-tokens 10 "), (120, "by at least 21 tokens")]
)
def test_the_hint_says_what_would_fit(tokens: int, hint: str) -> None:
    with pytest.raises(ContextOverflow) as refused:
        check_fit([[0] * tokens], [Request(prompt="x")], INFO)
    assert hint in refused.value.hint
