"""What only the huggingface engine does: its keys, its endpoints, TGI's own stream."""

from __future__ import annotations

import pytest

from codelathe.core.errors import (
    MissingKey,
    RateLimited,
    RejectedKey,
    RemoteFailure,
    UnsupportedArgument,
)
from codelathe.core.generation import Message, Request, Sampling
from codelathe.engines.huggingface import HuggingFaceEngine
from fakes.service import REVERSE, FakeService, Fault

CHAT = (Message("user", "Reverse a string."),)


def test_a_missing_key_is_named_by_its_first_variable() -> None:
    with pytest.raises(MissingKey) as caught:
        HuggingFaceEngine("owner/model")
    assert caught.value.variable == "HUGGINGFACE_API_KEY"


def test_the_other_variable_is_taken_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefgh")
    assert HuggingFaceEngine("owner/model").info.version == "router"


def test_the_first_variable_wins(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_second")
    monkeypatch.setenv("HUGGINGFACE_API_KEY", "hf_first")
    list(HuggingFaceEngine("m", base_url=service.base_url).generate([Request(messages=CHAT)]))
    headers = {k.lower(): v for k, v in service.requests[0].headers.items()}
    assert headers["authorization"] == "Bearer hf_first"


def test_a_key_of_another_service_is_not_sent_to_the_router(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HUGGINGFACE_API_KEY", "sk-foreign")
    with pytest.raises(RejectedKey) as caught:
        HuggingFaceEngine("owner/model")
    assert "foreign" not in str(caught.value)


def test_a_saved_token_is_not_sent_to_an_endpoint_on_this_machine(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUGGINGFACE_BASE_URL", service.base_url)
    list(HuggingFaceEngine("m").generate([Request(messages=CHAT)]))
    headers = {k.lower(): v for k, v in service.requests[0].headers.items()}
    assert headers["authorization"] == "Bearer none"


def test_a_chat_names_the_model(huggingface, service: FakeService) -> None:
    list(huggingface().generate([Request(messages=CHAT)]))
    assert service.requests[0].body["model"] == "fake-coder"


def test_a_plain_prompt_goes_through_text_generation(huggingface, service: FakeService) -> None:
    engine = huggingface(service.address)
    [answer] = engine.generate([Request(prompt="def reverse_string(s):")])
    assert answer.text == REVERSE
    assert service.requests[0].body["inputs"] == "def reverse_string(s):"


def test_text_generation_counts_tokens(huggingface, service: FakeService) -> None:
    [answer] = huggingface(service.address).generate([Request(prompt="def f(x):")])
    assert (answer.prompt_tokens, answer.completion_tokens) == (6, 15)


def test_text_generation_ends_at_the_token_limit(huggingface, service: FakeService) -> None:
    request = Request(prompt="def f(x):", sampling=Sampling(max_tokens=2))
    [answer] = huggingface(service.address).generate([request])
    assert (answer.text, answer.finish_reason) == ("def reverse_string", "length")


def test_greedy_text_generation_does_not_draw(huggingface, service: FakeService) -> None:
    list(huggingface(service.address).generate([Request(prompt="def f(x):")]))
    parameters = service.requests[0].body["parameters"]
    assert parameters["do_sample"] is False
    assert "temperature" not in parameters


def test_an_endpoint_without_streams_refuses_plain_prompts_by_name(
    huggingface, service: FakeService
) -> None:
    body = '{"error": "The following `model_kwargs` are not used by the model: [\'stop\']"}'
    service.faults.extend([Fault(400, body)] * 3)
    with (
        pytest.warns(UserWarning, match="not served via TGI"),
        pytest.raises(UnsupportedArgument) as caught,
    ):
        list(huggingface(service.address).generate([Request(prompt="x")]))
    assert caught.value.field == "prompt"


def test_an_overloaded_endpoint_is_tried_again(huggingface, service: FakeService) -> None:
    body = '{"error": "Model is overloaded", "error_type": "overloaded"}'
    service.faults.extend([Fault(503, body)] * 3)
    with pytest.raises(RateLimited):
        list(huggingface(service.address).generate([Request(prompt="x")]))
    assert len(service.requests) == 3


def test_offline_mode_is_named(huggingface, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(RemoteFailure, match="HF_HUB_OFFLINE"):
        list(huggingface().generate([Request(messages=CHAT)]))
