"""What only the openai engine does: addresses, field names, plain prompts."""

from __future__ import annotations

from contextlib import closing

import pytest

from codelathe.core.errors import (
    MissingKey,
    RemoteFailure,
    UnknownName,
    UnsupportedArgument,
    UsageError,
)
from codelathe.core.generation import Message, Request, Sampling
from codelathe.engines.openai import OpenAIEngine
from fakes.service import REVERSE, FakeService, Fault, refusal

CHAT = (Message("user", "Reverse a string."),)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(MissingKey) as caught:
        OpenAIEngine("gpt-5-mini")
    assert caught.value.variable == "OPENAI_API_KEY"


def test_a_foreign_address_needs_a_key() -> None:
    with pytest.raises(MissingKey, match=r"models\.example"):
        OpenAIEngine("m", base_url="https://models.example/v1")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"])
def test_an_address_on_this_machine_needs_no_key(host: str) -> None:
    with closing(OpenAIEngine("m", base_url=f"http://{host}:1/v1")) as engine:
        assert engine.info.model == "m"


def test_the_address_comes_from_the_environment(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{service.base_url}/")
    with closing(OpenAIEngine("fake-coder")) as engine:
        assert [c.text for c in engine.generate([Request(messages=CHAT)])] == [REVERSE]


@pytest.mark.parametrize(
    "address", ["api.openai.com/v1", "ftp://host/v1", "http://", "http://host:x/v1", "http://u:p@h"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        OpenAIEngine("m", base_url=address)


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        OpenAIEngine("m", base_url="https://me:pass123@host/v1")
    assert "pass123" not in str(caught.value)


def test_a_plain_prompt_goes_to_completions(openai, service: FakeService) -> None:
    [answer] = openai().generate([Request(prompt="def reverse_string(s):")])
    assert answer.text == REVERSE
    assert service.requests[0].path == "/v1/completions"


def test_a_service_that_wants_the_other_token_field_gets_it(openai, service: FakeService) -> None:
    message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    service.faults.append(refusal(400, message, "unsupported_parameter", "max_tokens"))
    engine = openai()
    assert list(engine.generate([Request(messages=CHAT, sampling=Sampling(max_tokens=9))]))
    assert service.requests[1].body["max_completion_tokens"] == 9
    assert "max_tokens" not in service.requests[1].body


def test_the_token_field_is_learnt_once(openai, service: FakeService) -> None:
    service.faults.append(refusal(400, "max_tokens is not supported"))
    engine = openai()
    for _ in range(2):
        list(engine.generate([Request(messages=CHAT)]))
    assert len(service.requests) == 3


def test_a_token_limit_refused_under_both_names_is_refused_by_name(
    openai, service: FakeService
) -> None:
    service.faults.append(refusal(400, "max_tokens is too large"))
    service.faults.append(refusal(400, "max_completion_tokens is too large"))
    with pytest.raises(UnsupportedArgument) as caught:
        list(openai().generate([Request(messages=CHAT)]))
    assert caught.value.field == "max_tokens"


def test_usage_is_done_without_where_the_service_does_not_take_the_option(
    openai, service: FakeService
) -> None:
    service.faults.append(refusal(422, "extra fields not permitted: stream_options"))
    assert list(openai().generate([Request(messages=CHAT)]))
    assert "stream_options" not in service.requests[1].body


def test_no_more_than_four_stop_strings_are_sent_and_all_are_honoured(
    openai, service: FakeService
) -> None:
    stops = ("!", "?", "@", "%", "[::")
    [answer] = openai().generate([Request(messages=CHAT, sampling=Sampling(stop=stops))])
    assert service.requests[0].body["stop"] == list(stops[:4])
    assert answer.text == "def reverse_string(s):\n    return s"


def test_an_unknown_model_comes_with_the_nearest_names(openai, service: FakeService) -> None:
    service.models = ["fake-coder-2", "gpt"]
    service.faults.append(refusal(404, "The model does not exist", "model_not_found"))
    with pytest.raises(UnknownName) as caught:
        list(openai().generate([Request(messages=CHAT)]))
    assert caught.value.nearest == ("fake-coder-2",)


@pytest.mark.parametrize("fault", [Fault(302), Fault(stream="not a stream")])
def test_a_page_instead_of_an_answer_is_no_answer(
    fault: Fault, openai, service: FakeService
) -> None:
    service.faults.append(fault)
    with pytest.raises(RemoteFailure):
        list(openai().generate([Request(messages=CHAT)]))


def test_one_endless_event_is_given_up(openai, service: FakeService) -> None:
    service.faults.append(Fault(stream="huge event"))
    with pytest.raises(RemoteFailure, match="one event of more than"):
        list(openai().generate([Request(messages=CHAT)]))


def test_the_model_that_the_service_names_stands_in_the_completion(
    openai, service: FakeService
) -> None:
    [answer] = openai().generate([Request(messages=CHAT)])
    assert (answer.model, answer.engine) == ("fake-coder", "openai")


def test_a_proxy_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:9")
    with pytest.raises(UsageError, match="proxy"):
        OpenAIEngine("m", base_url="http://127.0.0.1:9/v1")
