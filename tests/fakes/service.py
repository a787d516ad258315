"""A service on loopback that speaks OpenAI's and Hugging Face's forms, and misbehaves on demand.

`/v1/chat/completions` and `/v1/completions` (streamed or not), `/v1/models`, and TGI's own
form at `/`. A `Fault` in `service.faults` spoils one request, first in first out; when none
is left, requests are answered by `service.answer`.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from fakes.serving import QuietHandler, serving

REVERSE = "def reverse_string(s):\n    return s[::-1]\n"
_TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


def tokens_of(text: str) -> list[str]:
    """The service's idea of tokens: words and signs, each with the space before it."""
    return _TOKEN.findall(text)


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    With a `status`, the answer is that status with `body` and `headers`. Otherwise the
    stream is spoiled in the manner that `stream` names; see `_Handler._spoiled`.
    """

    status: int = 0
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    stream: str = ""


def refusal(status: int, message: str, code: str = "", param: str = "", **headers: str) -> Fault:
    """A fault with a body in OpenAI's form. `retry_after="1"` becomes the header."""
    body = json.dumps({"error": {"message": message, "code": code, "param": param or None}})
    return Fault(status, body, {k.replace("_", "-"): v for k, v in headers.items()})


@dataclass
class Recorded:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class FakeService:
    """The state of a running service; see `running_service`."""

    def __init__(self) -> None:
        self.answer: Callable[[str, dict[str, Any]], str] = lambda prompt, body: REVERSE
        self.faults: deque[Fault] = deque()
        self.requests: list[Recorded] = []
        self.models = ["fake-coder", "other-model"]
        self.usage: dict[str, Any] = {}
        self.pause = 0.0
        self.with_usage = True
        self.hung_up = threading.Event()
        self.stopping = threading.Event()
        self.at_a_time = 0
        self.most_at_a_time = 0
        self.lock = threading.Lock()
        self.address = ""

    @property
    def base_url(self) -> str:
        """Where the OpenAI form begins."""
        return f"{self.address}/v1"


@contextmanager
def running_service() -> Iterator[FakeService]:
    """A service on a free port of loopback, ended with the block."""
    service = FakeService()
    with serving(_Handler, service=service) as port:
        service.address = f"http://127.0.0.1:{port}"
        try:
            yield service
        finally:
            service.stopping.set()


class _Handler(QuietHandler):
    service: FakeService

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            listed = [{"id": name, "object": "model"} for name in self.service.models]
            self._json(200, {"object": "list", "data": listed})
        else:
            self._json(404, {"error": {"message": "no such page"}})

    def do_POST(self) -> None:
        service = self.service
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with service.lock:
            service.requests.append(Recorded(self.path, dict(self.headers), body))
            fault = service.faults.popleft() if service.faults else None
            service.at_a_time += 1
            service.most_at_a_time = max(service.most_at_a_time, service.at_a_time)
        try:
            self._answer(body, fault)
        except (BrokenPipeError, ConnectionResetError):
            service.hung_up.set()
            self.close_connection = True
        finally:
            with service.lock:
                service.at_a_time -= 1

    def _answer(self, body: dict[str, Any], fault: Fault | None) -> None:
        if fault is not None and fault.status:
            self._text(fault.status, fault.body, fault.headers)
        elif self.path not in ("/v1/chat/completions", "/v1/completions", "/"):
            self._json(404, {"error": {"message": "no such page"}})
        elif fault is not None:
            self._spoiled(fault.stream, list(self._events(body)))
        elif body.get("stream"):
            self._stream(self._events(body))
        else:
            self._json(200, self._whole(body))

    def _written(self, body: dict[str, Any]) -> tuple[list[str], str, int]:
        """The tokens of the answer, why it ended, and the tokens of the prompt."""
        parameters = body.get("parameters", body)
        prompt = body.get("prompt") or body.get("inputs") or body["messages"][-1]["content"]
        text = self.service.answer(prompt, body)
        for stop in parameters.get("stop") or ():
            text = text.partition(stop)[0]
        tokens = tokens_of(text)
        names = ("max_tokens", "max_completion_tokens", "max_new_tokens")
        limit = next((parameters[n] for n in names if parameters.get(n)), len(tokens))
        reason = "length" if len(tokens) > limit else "stop"
        return tokens[:limit], reason, len(tokens_of(prompt))

    def _events(self, body: dict[str, Any]) -> Iterator[str]:
        tokens, reason, prompt = self._written(body)
        if self.path == "/":
            yield from _tgi_events(tokens, reason, prompt)
            return
        chat = self.path == "/v1/chat/completions"
        for token in tokens:
            yield _chunk(body, chat, token)
        yield _chunk(body, chat, "", reason)
        if self.service.with_usage and body.get("stream_options", {}).get("include_usage"):
            usage = {"prompt_tokens": prompt, "completion_tokens": len(tokens)}
            usage["total_tokens"] = sum(usage.values())
            document = {"model": body["model"], "choices": [], "usage": usage | self.service.usage}
            yield json.dumps(document, ensure_ascii=False)
        yield "[DONE]"

    def _whole(self, body: dict[str, Any]) -> dict[str, Any]:
        tokens, reason, prompt = self._written(body)
        message = {"role": "assistant", "content": "".join(tokens)}
        usage = {"prompt_tokens": prompt, "completion_tokens": len(tokens)}
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return {"model": body["model"], "choices": [choice], "usage": usage}

    def _stream(self, events: Iterator[str]) -> None:
        self._begin_stream()
        for event in events:
            if self.service.pause and self.service.stopping.wait(self.service.pause):
                return
            self._chunk(f"data: {event}\n\n")
        self._chunk("")

    def _spoiled(self, how: str, events: list[str]) -> None:
        self.close_connection = True
        if how == "hang":
            self.service.stopping.wait(30)
            return
        if how == "not a stream":
            self._text(200, "<html>Welcome</html>", {"content-type": "text/html"})
            return
        if how == "compressed":
            packed = gzip.compress(b": \n" * (16 << 20), 1)
            self._begin_stream(content_encoding="gzip")
            self._raw(b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed))
            return
        self._begin_stream()
        half = events[: len(events) // 2]
        if how == "cut":  # the connection ends inside an answer
            for event in half:
                self._chunk(f"data: {event}\n\n")
        elif how == "ended early":  # the stream ends in good form, the answer does not
            for event in half:
                self._chunk(f"data: {event}\n\n")
            self._chunk("")
        elif how == "garbage":
            self._raw(b"\xff\xfe\x00\x01 this is no stream at all \x80\n\n" * 20)
        elif how == "invalid json":
            self._chunk('data: {"choices": [{"delta": {"content": \n\n')
            self._chunk("")
        elif how == "deep":
            self._chunk("data: " + "[" * 100_000 + "\n\n")
            self._chunk("")
        elif how == "wrong shape":
            self._chunk('data: {"choices": "none"}\n\n')
            self._chunk("")
        elif how == "empty":
            self._chunk('data: {"choices": []}\n\ndata: [DONE]\n\n')
            self._chunk("")
        elif how == "error inside":
            self._chunk(f"data: {half[0]}\n\n")
            self._chunk('data: {"error": {"message": "engine overloaded", "code": "500"}}\n\n')
            self._chunk("")
        elif how == "drip":  # a byte now and then, never an event
            self._forever(b"x", 0.02)
        elif how == "slow":  # an event now and then, never the end
            self._forever(f"data: {half[0]}\n\n".encode(), 0.02)
        elif how == "stalls":  # some events, then nothing
            self._chunk(f"data: {half[0]}\n\n")
            self.service.stopping.wait(30)
        elif how == "huge event":
            self._chunk("data: " + "x" * (4 << 20))
            self.service.stopping.wait(30)
        elif how == "huge answer":
            self._forever(f"data: {_chunk({'model': 'm'}, True, 'x' * 100_000)}\n\n".encode(), 0.0)
        else:
            raise ValueError(how)

    def _forever(self, data: bytes, pause: float) -> None:
        while not self.service.stopping.is_set():
            self._raw(b"%x\r\n%s\r\n" % (len(data), data))
            time.sleep(pause)

    def _begin_stream(self, **headers: str) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self._raw(b"%x\r\n%s\r\n" % (len(data), data))

    def _raw(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def _json(self, status: int, document: Any) -> None:
        self._text(status, json.dumps(document), {"content-type": "application/json"})

    def _text(self, status: int, body: str, headers: dict[str, str]) -> None:
        data = body.encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        with suppress(BrokenPipeError):
            self.wfile.write(data)


def _chunk(body: dict[str, Any], chat: bool, text: str, reason: str | None = None) -> str:
    content: dict[str, Any] = {"delta": {"content": text}} if chat else {"text": text}
    choice = {"index": 0, "finish_reason": reason, **content}
    half = any("\ud800" <= character <= "\udfff" for character in text)  # no UTF-8 has one
    return json.dumps({"model": body.get("model"), "choices": [choice]}, ensure_ascii=half)


def _tgi_events(tokens: list[str], reason: str, prompt: int) -> Iterator[str]:
    for number, text in enumerate(tokens, 1):
        token = {"id": number, "text": text, "logprob": -0.1, "special": False}
        yield json.dumps({"index": number, "token": token})
    details = {
        "finish_reason": "length" if reason == "length" else "eos_token",
        "generated_tokens": len(tokens),
        "input_length": prompt,
        "seed": None,
    }
    end = {"id": 0, "text": "</s>", "logprob": -0.1, "special": True}
    yield json.dumps({"index": len(tokens) + 1, "token": end, "details": details})
