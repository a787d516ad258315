"""The service with this machine's own judge behind it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from codelathe.core.errors import IsolationError
from codelathe.engines.scripted import ScriptedAnswer, ScriptedEngine
from codelathe.server.app import create_app
from codelathe.wiring import open_judge

RIGHT = "```python\ndef reverse_string(s):\n    return s[::-1]\n```"
LOOP = "```python\ndef reverse_string(s):\n    while True:\n        pass\n```"
BODY = {
    "prompt": "Write a Python function to reverse a string.",
    "example_inputs": ["'hello'"],
    "example_outputs": ["'olleh'"],
}


@pytest.fixture
def client(scripted_backend):
    """The application with a script that loops once and is right from then on."""
    script = [ScriptedAnswer(LOOP, match="loop"), ScriptedAnswer(RIGHT, repeat=True)]
    with TestClient(create_app({"local": scripted_backend(ScriptedEngine(script))})) as opened:
        try:
            judge = open_judge()
            assert judge.isolation
            judge.close()
        except IsolationError as error:
            pytest.skip(f"no code can be isolated here: {error}")
        yield opened


def test_code_is_proved_in_isolation(client: TestClient) -> None:
    proof = client.post("/generate-code/local/", json=BODY).json()["proof"]
    assert proof["proved"] is True
    assert proof["isolation"] != "none"


def test_code_that_loops_ends_at_its_limit(client: TestClient) -> None:
    body = {**BODY, "prompt": "Reverse a string in a loop.", "n": 0}
    document = client.post("/generate-code/local/", json=body).json()
    assert [v["status"] for v in document["verdicts"]] == ["timeout"]


def test_judges_are_lent_to_one_request_at_a_time(client: TestClient) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: client.post("/generate-code/local/", json=BODY).json(), range(8))
        )
    assert all(answer["proof"]["proved"] for answer in answers)
