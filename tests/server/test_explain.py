"""`POST /explain-code/{backend}/`."""

from __future__ import annotations

import pytest

from codelathe.engines.scripted import ScriptedAnswer
from fakes.service import FakeService

CODE = "def add(a, b):\n    return a + b\n"


def test_code_is_explained(serve) -> None:
    running = serve("It adds two numbers.")
    document = running.client.post("/explain-code/local/", json={"code": CODE}).json()
    assert document["explanation"] == "It adds two numbers."
    assert (document["detail"], document["to"], document["language"]) == ("summary", "en", "python")


def test_code_is_explained_in_korean(serve) -> None:
    running = serve(ScriptedAnswer("두 수를 더합니다.", match="한국어"))
    body = {"code": CODE, "to": "ko"}
    document = running.client.post("/explain-code/local", json=body).json()
    assert document["explanation"] == "두 수를 더합니다."


def test_docstrings_are_given_by_function(serve) -> None:
    running = serve('Add two numbers."""')
    body = {"code": CODE, "detail": "docstring"}
    document = running.client.post("/explain-code/local/", json=body).json()
    assert document["docstrings"] == [{"name": "add", "line": 1, "text": "Add two numbers."}]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"code": ""}, "code"),
        ({"code": CODE, "detail": "poem"}, "detail"),
        ({"code": CODE, "to": "fr"}, "to"),
        ({"code": CODE, "language": "Klingon"}, "language"),
        ({"code": CODE, "language": "Rust", "detail": "docstring"}, "detail"),
        ({"code": CODE, "max_tokens": 5}, "max_tokens"),
        ({}, "code"),
    ],
    ids=str,
)
def test_a_field_that_cannot_be_used_is_named(serve, fields, field) -> None:
    response = serve().client.post("/explain-code/local/", json=fields)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize("backend", ["openai", "huggingface"])
def test_a_remote_backend_explains_too(serve, upstream: FakeService, backend: str) -> None:
    upstream.answer = lambda prompt, body: "It adds two numbers."
    response = serve().client.post(f"/explain-code/{backend}/", json={"code": CODE})
    assert response.json()["explanation"] == "It adds two numbers."


def test_an_unknown_backend_is_404(serve) -> None:
    assert serve().client.post("/explain-code/bard/", json={"code": CODE}).status_code == 404
