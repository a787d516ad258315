"""`POST /generate-code/{backend}/`: what is asked and what comes back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from codelathe.engines.scripted import ScriptedAnswer, ScriptedEngine
from fakes.service import FakeService, Fault, refusal

RIGHT = "```python\ndef reverse_string(s):\n    return s[::-1]\n```"
WRONG = "```python\ndef reverse_string(s):\n    return s\n```"
CODE = "def reverse_string(s):\n    return s[::-1]"


def fields_of(response: httpx2.Response) -> list[str]:
    return [error["field"] for error in response.json()["errors"]]


def test_the_contracts_example_is_answered_with_code(serve) -> None:
    response = serve().generate()
    assert response.status_code == 200
    assert response.json()["generated_code"] == CODE


def test_beside_the_code_stand_proof_verdicts_and_usage(serve) -> None:
    document = serve().generate().json()
    assert document["proof"]["proved"] is True
    assert document["verdicts"][0]["status"] == "passed"
    assert document["usage"]["completion_tokens"] > 0


def test_a_path_without_its_last_slash_works_too(serve) -> None:
    running = serve()
    response = running.client.post("/generate-code/local", json={"prompt": "Reverse a string."})
    assert response.json()["generated_code"] == CODE


def test_code_that_is_not_proved_is_given_and_marked(serve) -> None:
    document = serve(WRONG).generate(n=0).json()
    assert document["generated_code"]
    assert document["proof"]["proved"] is False
    assert document["verdicts"][0]["got"] == "'hello'"


def test_more_candidates_are_sampled_where_the_first_is_wrong(serve) -> None:
    document = serve(WRONG, WRONG, RIGHT).generate(n=2).json()
    assert document["proof"]["proved"] is True
    assert document["candidates"] == 3


def test_a_language_without_a_judge_is_given_without_proof(serve) -> None:
    script = ScriptedAnswer("```ruby\ndef reverse_string(s) = s.reverse\n```")
    document = serve(script).generate(language="Ruby").json()
    assert document["language"] == "ruby"
    assert document["proof"]["level"] == "none"


def test_a_korean_prompt_comes_back_as_korean_code(serve) -> None:
    answer = "```python\ndef 뒤집기(s):\n    return s[::-1]  # 뒤집는다\n```"
    script = ScriptedAnswer(answer, match="문자열을 뒤집는")
    document = serve(script).generate(prompt="문자열을 뒤집는 파이썬 함수를 작성하세요.").json()
    assert "# 뒤집는다" in document["generated_code"]
    assert document["proof"]["proved"] is True


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": 1}, "prompt"),
        ({"prompt": "a\0b"}, "prompt"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -5}, "max_tokens"),
        ({"max_tokens": "100"}, "max_tokens"),
        ({"n": 1000}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"seed": -1}, "seed"),
        ({"language": "Klingon"}, "language"),
        ({"example_inputs": []}, "example_inputs"),
        ({"example_outputs": []}, "example_outputs"),
        ({"example_inputs": ["'open"]}, "example_inputs"),
        ({"example_outputs": ["f(x)"]}, "example_outputs"),
        ({"example_inputs": [1]}, "example_inputs[0]"),
        ({"streaming": True}, "streaming"),
        ({"model": "x" * 500}, "model"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_field_that_cannot_be_used_is_named(serve, fields, field) -> None:
    response = serve().generate(**fields)
    assert response.status_code == 422
    assert fields_of(response) == [field]


def test_every_field_at_fault_is_named_at_once(serve) -> None:
    response = serve().generate(max_tokens=0, seed=-1)
    assert set(fields_of(response)) == {"max_tokens", "seed"}


def test_a_body_that_is_no_json_is_refused(serve) -> None:
    headers = {"content-type": "application/json"}
    response = serve().client.post("/generate-code/local/", content=b'{"prompt', headers=headers)
    assert response.status_code == 422


def test_a_lone_surrogate_in_the_prompt_is_refused(serve) -> None:
    headers = {"content-type": "application/json"}
    body = b'{"prompt": "a\\ud800b"}'
    response = serve().client.post("/generate-code/local/", content=body, headers=headers)
    assert (response.status_code, fields_of(response)) == (422, ["prompt"])


def test_a_local_model_is_one_of_the_store(serve) -> None:
    from codelathe.server.backends import LocalBackend

    response = serve(local=LocalBackend()).generate(model="/etc/passwd")
    assert (response.status_code, fields_of(response)) == (422, ["model"])


def test_a_model_that_is_not_in_the_store_is_not_fetched(serve) -> None:
    from codelathe.server.backends import LocalBackend

    response = serve(local=LocalBackend()).generate(model="smollm2-135m")
    assert response.status_code == 503
    assert "lathe models pull smollm2-135m" in response.json()["hint"]


def test_a_model_that_is_a_file_is_shown_without_its_folder(serve, scripted_backend) -> None:
    engine = ScriptedEngine([RIGHT], model="/home/someone/models/own.gguf")
    assert serve(local=scripted_backend(engine)).generate().json()["model"] == "own.gguf"


def test_an_unknown_backend_is_answered_with_the_three(serve) -> None:
    response = serve().generate("bard")
    assert response.status_code == 404
    assert response.json()["hint"] == "one of huggingface, local, openai"


@pytest.mark.parametrize(
    ("backend", "variable"),
    [("openai", "OPENAI_API_KEY"), ("huggingface", "HUGGINGFACE_API_KEY")],
)
def test_a_missing_key_is_503_and_names_the_variable(serve, backend: str, variable: str) -> None:
    response = serve().generate(backend)
    assert response.status_code == 503
    assert variable in response.json()["detail"]


@pytest.mark.parametrize("backend", ["openai", "huggingface"])
def test_a_remote_backend_answers_with_proof(serve, upstream: FakeService, backend: str) -> None:
    document = serve().generate(backend).json()
    assert document["generated_code"] == CODE
    assert document["proof"]["proved"] is True


@pytest.mark.parametrize("backend", ["openai", "huggingface"])
def test_a_remote_model_may_be_named(serve, upstream: FakeService, backend: str) -> None:
    serve().generate(backend, model="other-model")
    assert upstream.requests[0].body["model"] == "other-model"


@pytest.mark.parametrize("backend", ["openai", "huggingface"])
@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        (refusal(401, "Incorrect API key: sk-abcdef123456"), 502, "refused the API key"),
        (refusal(400, "maximum context length is 10", "context_length_exceeded"), 422, "context"),
        (Fault(stream="invalid json"), 502, "no usable answer"),
        (refusal(429, "quota", "insufficient_quota"), 503, "quota"),
    ],
    ids=["401", "overflow", "garbage", "quota"],
)
def test_a_failure_upstream_says_which_and_why(
    serve, upstream: FakeService, backend: str, fault: Fault, status: int, says: str
) -> None:
    upstream.faults.append(fault)
    response = serve().generate(backend)
    assert response.status_code == status
    assert says in response.json()["detail"]
    assert "sk-abcdef123456" not in response.text


def test_a_timeout_upstream_is_504(serve) -> None:
    from codelathe.core.errors import RemoteTimeout

    error = RemoteTimeout("the service sent nothing for 120 s")
    response = serve(error).generate()
    assert (response.status_code, response.json()["title"]) == (504, "Remote timeout")


def test_several_requests_are_answered_at_a_time(serve, upstream: FakeService) -> None:
    upstream.pause = 0.01
    running = serve()
    with ThreadPoolExecutor(6) as pool:
        responses = list(pool.map(lambda _: running.generate("openai"), range(6)))
    assert [r.status_code for r in responses] == [200] * 6
    assert upstream.most_at_a_time > 1


def test_the_local_model_answers_one_request_after_the_other(serve) -> None:
    running = serve()
    with ThreadPoolExecutor(6) as pool:
        responses = list(pool.map(lambda _: running.generate(), range(12)))
    assert {r.json()["generated_code"] for r in responses} == {CODE}
