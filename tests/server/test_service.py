"""Who is let in, what is too much, and how the service ends."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from codelathe.core.generation import Completion, EngineInfo, Request, Watch
from codelathe.server import work
from codelathe.server.guard import MAX_BODY, Guard
from codelathe.server.problems import without_paths
from fakes.processes import until

JSON = {"content-type": "application/json"}


class EndlessEngine:
    """Writes until its watch ends it; `writing` and `ended` say so."""

    info = EngineInfo("endless", "endless", "1", None)

    def __init__(self) -> None:
        self.writing = threading.Event()
        self.ended = threading.Event()

    def generate(self, requests: list[Request], watch: Watch) -> Iterator[Completion]:
        text = ""
        try:
            while not watch(0, 0, text):
                text = "x"
                self.writing.set()
                time.sleep(0.005)
        finally:
            self.ended.set()
        yield Completion(0, 0, text, 1, 1, 0.1, "watch", 0, "endless")

    def close(self) -> None:
        pass


def test_the_process_answers(serve) -> None:
    assert serve().client.get("/livez").json()["live"] is True


def test_readiness_tells_the_isolation(serve) -> None:
    document = serve().client.get("/readyz").json()
    assert (document["ready"], document["isolation"]) == (True, "none")


def test_a_server_that_cannot_judge_is_not_ready() -> None:
    from fastapi.testclient import TestClient

    from codelathe.core.errors import IsolationError
    from codelathe.server.app import create_app

    def open_judge() -> object:
        raise IsolationError("no user namespaces", hint="sysctl ...")

    response = TestClient(create_app({}, open_judge)).get("/readyz")
    assert (response.status_code, response.json()["hint"]) == (503, "sysctl ...")


def test_an_unknown_path_is_a_problem_document(serve) -> None:
    response = serve().client.get("/nothing")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_an_unknown_path_is_told_with_those_there_are(serve) -> None:
    document = serve().client.get("/generate/code").json()
    assert document["detail"] == "GET /generate/code: Not Found"
    assert "/generate-code/{backend}/" in document["hint"]


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"prompt": "\xff"}', b"9" * 10_000])
def test_a_body_that_nobody_can_read_is_400(serve, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = serve().client.post("/generate-code/local/", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("BadRequest")


def test_a_wrong_method_is_405(serve) -> None:
    assert serve().client.get("/generate-code/local/").status_code == 405


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "10.0.0.1", "[::2]", "localhost.evil"]
)
def test_a_foreign_host_header_is_refused(serve, host: str) -> None:
    response = serve().client.get("/livez", headers={"host": host})
    assert response.status_code in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:9", "[::1]:8000"])
def test_this_machines_names_are_let_in(serve, host: str) -> None:
    assert serve().client.get("/livez", headers={"host": host}).status_code == 200


def test_an_address_other_than_loopback_is_refused() -> None:
    from fastapi.testclient import TestClient

    from codelathe.server.app import create_app

    client = TestClient(create_app({}), base_url="http://192.168.0.7")
    assert client.get("/livez").status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_taken(serve, kind: str) -> None:
    running = serve()
    response = running.client.post(
        "/generate-code/local/", content=b'{"prompt": "x"}', headers={"content-type": kind}
    )
    assert response.status_code == 415


def test_no_origin_is_let_in_from_a_browser(serve) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    response = serve().client.options("/generate-code/local/", headers=headers)
    assert "access-control-allow-origin" not in response.headers


def test_a_body_that_says_it_is_too_large_is_refused(serve) -> None:
    body = b'{"prompt": "' + b"x" * MAX_BODY + b'"}'
    response = serve().client.post("/generate-code/local/", content=body, headers=JSON)
    assert response.status_code == 413


def test_a_body_in_parts_is_counted(serve) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(MAX_BODY // 65536 + 2):
            yield b"x" * 65536

    response = serve().client.post("/generate-code/local/", content=parts(), headers=JSON)
    assert response.status_code == 413


def test_a_body_that_does_not_come_is_given_up() -> None:
    sent: list[dict] = []

    async def app(scope: object, receive: object, send: object) -> None:
        raise AssertionError("the body never came")

    async def receive() -> dict:
        return await asyncio.sleep(60) or {}

    async def send(message: dict) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "headers": headers, "server": ("127.0.0.1", 1)}
    asyncio.run(Guard(app, body_time=0.01)(scope, receive, send))
    assert sent[0]["status"] == 408


def test_a_prompt_of_a_megabyte_is_read(serve) -> None:
    assert serve().generate(prompt="Reverse a string. " + "x" * 1_000_000).status_code == 200


class BrokenEngine(EndlessEngine):
    """Fails in a way nobody foresaw."""

    def generate(self, requests: list[Request], watch: Watch) -> Iterator[Completion]:
        raise RuntimeError("the secret of /home/someone/key.txt")


def test_a_fault_of_ours_shows_no_trace(serve, scripted_backend) -> None:
    response = serve(local=scripted_backend(BrokenEngine())).generate()
    assert response.status_code == 500
    assert "secret" not in response.text


def ask_and_leave_open(url: str) -> socket.socket:
    """A connection on which code was asked for; closing it hangs up."""
    host, port = url.removeprefix("http://").split(":")
    body = json.dumps({"prompt": "Reverse a string."}).encode()
    head = f"POST /generate-code/local/ HTTP/1.1\r\nhost: {host}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    connection = socket.create_connection((host, int(port)))
    connection.sendall(head.encode() + body)
    return connection


def hang_up_in_the_middle(url: str, started: threading.Event) -> None:
    with ask_and_leave_open(url):
        assert started.wait(5)


def test_a_client_that_hangs_up_ends_its_generation(serve, scripted_backend) -> None:
    engine = EndlessEngine()
    running = serve(local=scripted_backend(engine))
    hang_up_in_the_middle(running.url, engine.writing)
    assert engine.ended.wait(5)


def test_a_client_that_hung_up_leaves_the_model_to_the_next(serve, scripted_backend) -> None:
    from codelathe.engines.scripted import ScriptedEngine

    endless, script = EndlessEngine(), ScriptedEngine(["def f(): pass"])
    engines = iter([endless, script])
    running = serve(local=scripted_backend(lambda: next(engines)))
    hang_up_in_the_middle(running.url, endless.writing)
    assert running.generate(example_inputs=[], example_outputs=[]).status_code == 200


def test_a_request_too_many_is_turned_away(
    serve, scripted_backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MAX_WAITING", 1)
    backend = scripted_backend(EndlessEngine())
    running = serve(local=backend)
    with ask_and_leave_open(running.url), ask_and_leave_open(running.url):
        until(lambda: backend.limiter.statistics().tasks_waiting)
        response = running.generate()
    assert (response.status_code, response.json()["title"]) == (503, "Busy")


def test_the_end_of_the_server_closes_judges_and_models(serving, scripted_backend) -> None:
    backend = scripted_backend(EndlessEngine())
    with serving({"local": backend}) as running:
        running.client.get("/readyz")
    assert backend.closed
    assert [judge.closed for judge in running.judges] == [True]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot read /home/me/models/x.gguf: gone", "cannot read x.gguf: gone"),
        ("'/a/b c'", "'b c'"),
        (r"C:\Users\me\x.gguf", "x.gguf"),
        ("~/models/x", "x"),
        ("http://127.0.0.1:8000/v1/models", "http://127.0.0.1:8000/v1/models"),
        ("hf:Qwen/Qwen2.5-Coder", "hf:Qwen/Qwen2.5-Coder"),
        ("1/2 and 3/4", "1/2 and 3/4"),
    ],
)
def test_paths_are_shortened_to_their_last_part(text: str, shown: str) -> None:
    assert without_paths(text) == shown
