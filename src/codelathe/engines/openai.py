"""The engine for any OpenAI-compatible address: OpenAI, OpenRouter, vLLM, llama.cpp, Ollama.

Chats go to `/chat/completions`, plain prompts to `/completions`, both streamed as
server-sent events. `OPENAI_BASE_URL` names another address; one on this machine needs no
key. Services differ in the arguments they take: where one refuses a field that can be
named otherwise, or that is honoured here as well (stop strings), the request is made
again without it; any other argument that it refuses is refused by name.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from codelathe.core.errors import (
    InputError,
    LatheError,
    UnknownName,
    UsageError,
)
from codelathe.core.generation import (
    ALL_FEATURES,
    Completion,
    EngineInfo,
    Request,
    Watch,
    refuse_unsupported,
)
from codelathe.engines._address import check_address, find_address, find_key
from codelathe.engines._chunks import Garbled, Piece, read_chunk, read_json, whole
from codelathe.engines._guard import PLAIN, guard
from codelathe.engines._refusal import (
    Refusal,
    Service,
    cut_short,
    failure_of,
    read_refusal,
    transport_failure,
)
from codelathe.engines._remote import DEFAULT_PACE, Call, Pace, complete
from codelathe.engines.secrets import Secret

if TYPE_CHECKING:
    import httpx2

PUBLIC = "https://api.openai.com/v1"
KEY_VARIABLES = ("OPENAI_API_KEY",)
#: OpenAI takes no more; the others are cut here all the same.
_MAX_STOPS = 4
_MAX_LISTED = 1000
_LISTING = 10.0
_TOKEN_FIELDS = ("max_completion_tokens", "max_tokens")


class OpenAIEngine:
    """A model behind an OpenAI-compatible address."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str = "",
        key: Secret | None = None,
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        """Without `base_url` and `key`, `OPENAI_BASE_URL` and `OPENAI_API_KEY` are asked.

        Raises:
            MissingKey: no key, and the address is not on this machine.
            UsageError: the address is not http or https, or a file should not choose it.
        """
        self._base = check_address(
            base_url or find_address("OPENAI_BASE_URL", KEY_VARIABLES) or PUBLIC
        )
        host = urlsplit(self._base).hostname or ""
        name = f"the service at {host}" if self._base != PUBLIC else "OpenAI"
        key = key or find_key(KEY_VARIABLES, host, name)
        self._service = Service("openai", name, model, KEY_VARIABLES[0], key)
        self._info = EngineInfo(
            "openai", model, host, context_length=None, features=ALL_FEATURES - {"prefill"}
        )
        self._pace = pace
        self._fields = _Fields(own=host == urlsplit(PUBLIC).hostname)
        self._client = self._connect()

    @property
    def info(self) -> EngineInfo:
        """`version` is the host: all that such a service says of its version."""
        return self._info

    def generate(
        self, requests: Sequence[Request], watch: Watch | None = None
    ) -> Generator[Completion]:
        """Yield completions as they finish, several requests at a time.

        Tokens are the service's own count; where an answer was ended before the service
        said it, they are estimated from the text. `cost_usd` is what the service reports,
        None where it reports nothing.

        Raises:
            UnsupportedArgument: the engine or the model cannot honour an argument.
            ContextOverflow: a prompt does not fit.
            InputError: the service has no such model (field `model`).
            RemoteError: refused key, rate limit, timeout, failure.
        """
        refuse_unsupported(self._info, requests)
        return complete(requests, watch, self._stream, self._service, self._pace)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _connect(self) -> httpx2.Client:
        import httpx2

        headers = {"Accept": "text/event-stream", **PLAIN}
        if self._service.key is not None:
            headers["Authorization"] = f"Bearer {self._service.key.reveal()}"
        limits = self._pace.timeouts
        try:
            return httpx2.Client(
                headers=headers,
                timeout=httpx2.Timeout(limits.read, connect=limits.connect),
                limits=httpx2.Limits(max_connections=None),
                event_hooks={"response": [guard]},
            )
        except (ValueError, ImportError) as error:
            raise UsageError(
                f"the proxy that the environment names cannot be used: {error}",
                hint="check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY",
            ) from None

    def _stream(self, call: Call) -> Iterator[Piece]:
        """One answer; asks again at once where the service wants a field named otherwise."""
        while True:
            body = self._fields.body(call, self._service.model)
            refusal = yield from self._ask(call, body)
            if refusal is None:
                return
            if not self._fields.adapt(refusal, body, call.request):
                failure = failure_of(refusal, self._service)
                raise self._with_nearest(failure) if isinstance(failure, InputError) else failure

    def _with_nearest(self, failure: InputError) -> LatheError:
        """For an unknown model: the nearest names that the service lists, where it does."""
        import httpx2

        if failure.field != "model":
            return failure
        try:
            listed = read_json(self._client.get(f"{self._base}/models", timeout=_LISTING).content)
            names = [self._service.quote(str(m["id"])) for m in listed["data"][:_MAX_LISTED]]
        except (httpx2.HTTPError, Garbled, TypeError, KeyError):
            names = []
        model = self._service.model
        if not names or model in names:
            return failure
        return UnknownName(
            "model", model, names, also=f"{self._service.name} has {len(names)}", field="model"
        )

    def _ask(self, call: Call, body: dict[str, Any]) -> Generator[Piece, None, Refusal | None]:
        """The pieces of one answer; the generator's value is the service's refusal, if any."""
        import httpx2

        path = "/chat/completions" if call.request.messages else "/completions"
        done = False
        try:
            with self._client.stream("POST", self._base + path, json=body) as response:
                if response.status_code != 200:
                    response.read()
                    return read_refusal(response.status_code, response.headers, response.text)
                for piece in self._pieces(response):
                    done = done or piece.reason is not None
                    yield piece
        except httpx2.HTTPError as error:
            failure = transport_failure(error, self._service, self._pace.timeouts)
            if not done:  # what comes after the end of an answer does not matter
                raise failure from None
        if not done:
            raise cut_short(self._service)
        return None

    def _pieces(self, response: httpx2.Response) -> Iterator[Piece]:
        kind = response.headers.get("content-type", "")
        if "event-stream" not in kind:
            raise Garbled(f"its content type is {kind or 'missing'}, not a stream")
        for data in _events(response):
            if data == b"[DONE]":
                return
            chunk = read_json(data)
            if isinstance(chunk, dict) and chunk.get("error"):
                raise failure_of(read_refusal(500, {}, json.dumps(chunk)), self._service)
            yield read_chunk(chunk)


class _Fields:
    """How this service names the fields of a request; learnt from its refusals."""

    def __init__(self, *, own: bool) -> None:
        self._lock = threading.Lock()
        self._untried = list(_TOKEN_FIELDS if own else reversed(_TOKEN_FIELDS))
        self._dropped: set[str] = set()

    def body(self, call: Call, model: str) -> dict[str, Any]:
        """The request's body. Top-p and seed stand in it only where they count."""
        request, sampling = call.request, call.request.sampling
        body: dict[str, Any] = {"model": model, "stream": True}
        body["stream_options"] = {"include_usage": True}
        if request.messages:
            body["messages"] = [
                {"role": m.role, "content": whole(m.content)} for m in request.messages
            ]
            body[self._untried[0]] = sampling.max_tokens
        else:
            body["prompt"] = whole(request.prompt)
            body["max_tokens"] = sampling.max_tokens
        if sampling.temperature is not None:
            body["temperature"] = sampling.temperature
        if not sampling.greedy:
            body["seed"] = call.seed
            if sampling.top_p < 1.0:
                body["top_p"] = sampling.top_p
        if sampling.stop:
            body["stop"] = list(sampling.stop[:_MAX_STOPS])
        return {name: value for name, value in body.items() if name not in self._dropped}

    def adapt(self, refusal: Refusal, body: dict[str, Any], request: Request) -> bool:
        """Learn from a refusal; whether the request can be made again in another form."""
        if refusal.status not in (400, 422) or refusal.overflow:
            return False
        with self._lock:
            used = next(name for name in _TOKEN_FIELDS if name in body)
            if request.messages and refusal.names(used):
                if used == self._untried[0] and len(self._untried) > 1:
                    self._untried.pop(0)
                return used != self._untried[0]  # another thread may have learnt it first
            optional = ["stop", "stream_options"]
            if request.sampling.seed == 0:  # nobody asked for this very seed
                optional.append("seed")
            for name in optional:
                if name in body and refusal.names(name):
                    self._dropped.add(name)
                    return True
        return False


def _events(response: httpx2.Response) -> Iterator[bytes]:
    """The data of each server-sent event (one line in every service of this form)."""
    pending = b""
    for piece in response.iter_bytes():
        *lines, pending = (pending + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
