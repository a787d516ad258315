"""What remote services do, well or badly; both remote engines answer alike."""

from __future__ import annotations

import logging
import pickle
import time
import traceback
from collections.abc import Iterator
from contextlib import closing

import pytest

from codelathe.core.errors import (
    ContextOverflow,
    InputError,
    LatheError,
    RateLimited,
    RejectedKey,
    RemoteFailure,
    RemoteTimeout,
    UnsupportedArgument,
)
from codelathe.core.generation import Completion, Engine, Message, Request, Sampling
from fakes.service import REVERSE, FakeService, Fault, refusal, running_service

CHAT = (Message("user", "Reverse a string."),)
KEY = "hf_Secret0123456789abcdef"

FAULTS: dict[str, tuple[Fault, type[LatheError]]] = {
    "401": (refusal(401, f"Incorrect API key provided: {KEY}"), RejectedKey),
    "403": (refusal(403, "sk-proj-abcdefghijk may not use this model"), RejectedKey),
    "404 model": (refusal(404, "The model `fake-coder` does not exist"), InputError),
    "404 path": (refusal(404, "nothing here"), RemoteFailure),
    "400 overflow": (
        refusal(400, "This model's maximum context length is 10 tokens", "context_length_exceeded"),
        ContextOverflow,
    ),
    "400 temperature": (
        refusal(400, "'temperature' does not support 0 with this model", "", "temperature"),
        UnsupportedArgument,
    ),
    "400 other": (refusal(400, "no"), RemoteFailure),
    "quota": (refusal(429, "You exceeded your quota", "insufficient_quota"), RateLimited),
    "bare text": (Fault(418, f"Bearer {KEY}"), RemoteFailure),
    "hang": (Fault(stream="hang"), RemoteTimeout),
    "stalls": (Fault(stream="stalls"), RemoteTimeout),
    "drip": (Fault(stream="drip"), RemoteTimeout),
    "slow": (Fault(stream="slow"), RemoteTimeout),
    "invalid json": (Fault(stream="invalid json"), RemoteFailure),
    "wrong shape": (Fault(stream="wrong shape"), RemoteFailure),
    "huge answer": (Fault(stream="huge answer"), RemoteFailure),
    "huge event": (Fault(stream="huge event"), RemoteFailure),
    "compressed": (Fault(stream="compressed"), RemoteFailure),
    "deep": (Fault(stream="deep"), RemoteFailure),
    "deep refusal": (Fault(400, "[" * 60_000), RemoteFailure),
}
#: Patience for the faults that only a timeout ends.
SHORT: dict[str, dict[str, float]] = {
    "hang": {"read": 0.15},
    "stalls": {"read": 0.15},
    "drip": {"total": 0.2},
    "slow": {"total": 0.2},
}
#: Faults that are tried again; here they come every time.
PERSISTENT: dict[str, tuple[Fault, type[LatheError]]] = {
    "429": (refusal(429, "slow down"), RateLimited),
    "500": (refusal(500, "oops"), RemoteFailure),
    "503": (refusal(503, "overloaded"), RemoteFailure),
    "504": (refusal(504, "gateway"), RemoteTimeout),
    "garbage": (Fault(stream="garbage"), RemoteFailure),
    "cut": (Fault(stream="cut"), RemoteFailure),
    "ended early": (Fault(stream="ended early"), RemoteFailure),
    "empty": (Fault(stream="empty"), RemoteFailure),
    "error inside": (Fault(stream="error inside"), RemoteFailure),
}


def ask(engine: Engine, request: Request | None = None) -> list[Completion]:
    return list(engine.generate([request or Request(messages=CHAT)]))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_service_is_told_by_its_own_class(
    name: str, remote, service: FakeService
) -> None:
    fault, expected = FAULTS[name]
    service.faults.append(fault)
    engine = remote(**SHORT.get(name, {}))
    with pytest.raises(expected):
        ask(engine)


@pytest.mark.parametrize("name", PERSISTENT)
def test_a_fault_that_goes_on_ends_after_three_tries(
    name: str, remote, service: FakeService
) -> None:
    fault, expected = PERSISTENT[name]
    service.faults.extend([fault] * 9)
    with pytest.raises(expected):
        ask(remote())
    assert len(service.requests) == 3


@pytest.mark.parametrize("name", PERSISTENT)
def test_a_fault_that_passes_is_not_noticed(name: str, remote, service: FakeService) -> None:
    service.faults.extend([PERSISTENT[name][0]] * 2)
    assert [c.text for c in ask(remote())] == [REVERSE]


@pytest.mark.parametrize("name", [*FAULTS, *PERSISTENT])
def test_no_fault_shows_the_key_anywhere(
    name: str, remote, service: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    service.faults.extend([(FAULTS | PERSISTENT)[name][0]] * 9)
    engine = remote(**SHORT.get(name, {}))
    with caplog.at_level(logging.DEBUG), pytest.raises(LatheError) as caught:
        ask(engine)
    error = caught.value
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    chain = [error.__cause__, error.__context__]
    seen = "\n".join([*trace.format(), caplog.text, error.hint, repr(engine.info), repr(chain)])
    assert KEY not in seen
    assert "sk-proj-abcdefghijk" not in seen


def test_the_key_goes_out_as_a_bearer_token(remote, service: FakeService) -> None:
    ask(remote())
    headers = {k.lower(): v for k, v in service.requests[0].headers.items()}
    assert headers["authorization"] == f"Bearer {KEY}"


def test_a_refused_key_names_its_variable(remote, service: FakeService) -> None:
    service.faults.append(refusal(401, "bad key"))
    with pytest.raises(RejectedKey) as caught:
        ask(remote())
    assert "_API_KEY" in caught.value.hint


def test_retry_after_is_waited_for(remote, service: FakeService) -> None:
    service.faults.append(refusal(429, "slow down", retry_after="1"))
    started = time.monotonic()
    ask(remote())
    assert time.monotonic() - started >= 1.0


def test_a_wait_longer_than_allowed_is_told_at_once(remote, service: FakeService) -> None:
    service.faults.append(refusal(429, "slow down", retry_after="3600"))
    with pytest.raises(RateLimited, match="3600 s"):
        ask(remote())
    assert len(service.requests) == 1


@pytest.mark.parametrize("after", ["-5", "soon", f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"])
def test_a_wait_that_is_none_is_not_counted(after: str, remote, service: FakeService) -> None:
    service.faults.append(refusal(429, "slow down", retry_after=after))
    assert ask(remote())


def test_a_prompt_does_not_follow_a_redirect(remote, service: FakeService) -> None:
    with running_service() as elsewhere:
        location = {"location": f"{elsewhere.base_url}/chat/completions"}
        service.faults.append(Fault(307, headers=location))
        with pytest.raises(RemoteFailure, match="another address"):
            ask(remote())
        assert not elsewhere.requests


@pytest.mark.parametrize("stream", ["drip", "slow"])
def test_a_service_that_was_given_up_is_not_listened_to(
    stream: str, remote, service: FakeService
) -> None:
    service.faults.append(Fault(stream=stream))
    with pytest.raises(RemoteTimeout):
        ask(remote(total=0.2))
    assert service.hung_up.wait(5)


def test_an_answer_that_was_shown_is_not_begun_again(remote, service: FakeService) -> None:
    service.faults.append(Fault(stream="cut"))
    with pytest.raises(RemoteFailure, match="broke off"):
        list(remote().generate([Request(messages=CHAT)], lambda i, c, text: False))
    assert len(service.requests) == 1


def test_an_address_where_nobody_listens_cannot_be_reached(remote, service: FakeService) -> None:
    from codelathe.engines.openai import OpenAIEngine

    engine = OpenAIEngine("m", base_url="http://127.0.0.1:9/v1", pace=remote()._pace)
    with closing(engine), pytest.raises(RemoteFailure, match="cannot be reached"):
        ask(engine)


def test_several_requests_are_under_way_at_a_time(remote, service: FakeService) -> None:
    service.pause = 0.02
    engine = remote()
    answers = list(engine.generate([Request(messages=CHAT)] * 6))
    assert sorted(c.request for c in answers) == list(range(6))
    assert service.most_at_a_time > 1


def test_closing_the_iterator_closes_the_connections(remote, service: FakeService) -> None:
    service.answer = lambda prompt, body: "word " * 2000
    service.pause = 0.005
    short = Request(messages=CHAT, sampling=Sampling(max_tokens=1))
    long = Request(messages=CHAT, sampling=Sampling(max_tokens=5000))
    answers: Iterator[Completion] = remote().generate([short, long])
    assert next(answers).request == 0
    answers.close()
    assert service.hung_up.wait(5)


def test_an_exception_of_the_watch_closes_the_connections(remote, service: FakeService) -> None:
    service.answer = lambda prompt, body: "word " * 2000
    service.pause = 0.005

    def interrupt(index: int, choice: int, text: str) -> bool:
        raise KeyboardInterrupt

    request = Request(messages=CHAT, n=2, sampling=Sampling(max_tokens=5000))
    with pytest.raises(KeyboardInterrupt):
        list(remote().generate([request], interrupt))
    assert service.hung_up.wait(5)


def test_the_watch_ends_an_answer_by_hanging_up(remote, service: FakeService) -> None:
    service.answer = lambda prompt, body: "word " * 2000
    service.pause = 0.005
    request = Request(messages=CHAT, sampling=Sampling(max_tokens=5000))
    engine = remote()
    [answer] = engine.generate([request], lambda i, c, text: len(text) > 30)
    assert answer.finish_reason == "watch"
    assert service.hung_up.wait(5)


def test_tokens_are_the_services_own_count(remote, service: FakeService) -> None:
    [answer] = ask(remote())
    assert (answer.prompt_tokens, answer.completion_tokens) == (4, 15)


def test_tokens_are_estimated_where_the_service_counts_none(remote, service: FakeService) -> None:
    service.with_usage = False
    [answer] = ask(remote())
    assert answer.prompt_tokens > 0
    assert answer.completion_tokens == 15


def test_a_cost_the_service_reports_is_handed_on(remote, service: FakeService) -> None:
    service.usage = {"cost": 0.0125}
    [answer] = ask(remote())
    assert answer.cost_usd == 0.0125


def test_a_cost_that_nobody_reports_is_not_known(remote, service: FakeService) -> None:
    [answer] = ask(remote())
    assert answer.cost_usd is None


def test_each_choice_is_drawn_with_its_own_seed(remote, service: FakeService) -> None:
    ask(remote(), Request(messages=CHAT, n=3, sampling=Sampling(temperature=0.5, seed=7)))
    assert sorted(r.body["seed"] for r in service.requests) == [7, 8, 9]


def test_greedy_decoding_sends_neither_seed_nor_top_p(remote, service: FakeService) -> None:
    ask(remote(), Request(messages=CHAT, sampling=Sampling(seed=7, top_p=0.5)))
    body = service.requests[0].body
    assert body["temperature"] == 0
    assert not {"seed", "top_p"} & body.keys()


def test_a_temperature_left_to_the_model_is_not_sent(remote, service: FakeService) -> None:
    sampling = Sampling(temperature=None, top_p=0.5, seed=7)
    ask(remote(), Request(messages=CHAT, sampling=sampling))
    body = service.requests[0].body
    assert "temperature" not in body
    assert (body["top_p"], body["seed"]) == (0.5, 7)


def test_a_stop_string_the_service_does_not_take_is_honoured_here(
    remote, service: FakeService
) -> None:
    service.faults.append(refusal(400, "Unsupported parameter: 'stop'", "", "stop"))
    request = Request(messages=CHAT, sampling=Sampling(stop=("\n    ",)))
    assert [c.text for c in ask(remote(), request)] == ["def reverse_string(s):"]
    assert "stop" not in service.requests[1].body


def test_a_seed_somebody_asked_for_is_refused_by_name(remote, service: FakeService) -> None:
    service.faults.append(refusal(400, "seed is not supported", "", "seed"))
    with pytest.raises(UnsupportedArgument) as caught:
        ask(remote(), Request(messages=CHAT, sampling=Sampling(temperature=0.5, seed=7)))
    assert caught.value.field == "seed"


def test_a_seed_nobody_asked_for_is_left_out(remote, service: FakeService) -> None:
    service.faults.append(refusal(400, "seed is not supported", "", "seed"))
    assert ask(remote(), Request(messages=CHAT, sampling=Sampling(temperature=0.5)))
    assert "seed" not in service.requests[1].body


def test_prefill_is_refused_before_anything_is_sent(remote, service: FakeService) -> None:
    with pytest.raises(UnsupportedArgument) as caught:
        ask(remote(), Request(messages=CHAT, prefill="def"))
    assert caught.value.field == "prefill"
    assert not service.requests


@pytest.mark.parametrize(
    ("written", "read"), [("'\U0001f600'", "'\U0001f600'"), ("'\ud83d'", "'\ufffd'")]
)
def test_lone_surrogates_in_an_answer_are_replaced(
    written: str, read: str, remote, service: FakeService
) -> None:
    service.answer = lambda prompt, body: written
    [answer] = ask(remote())
    assert answer.text == read


def test_a_lone_surrogate_in_a_prompt_does_not_stop_the_request(
    remote, service: FakeService
) -> None:
    ask(remote(), Request(messages=(Message("user", "a\ud800b"),)))
    assert service.requests[0].body["messages"][0]["content"] == "a\ufffdb"


def test_an_engine_cannot_be_pickled_with_its_key(remote) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(remote()._service)
