"""The engine for models behind Hugging Face's inference services.

Goes through `huggingface_hub.InferenceClient`: the router, which picks a provider for the
model, or with `HUGGINGFACE_BASE_URL` one's own endpoint (Inference Endpoints, TGI). Chats
stream from `chat_completion`, plain prompts from `text_generation`.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from codelathe.core.errors import LatheError, RejectedKey, RemoteFailure, UnsupportedArgument
from codelathe.core.generation import (
    ALL_FEATURES,
    Completion,
    EngineInfo,
    Request,
    Watch,
    refuse_unsupported,
)
from codelathe.engines._address import check_address, find_address, find_key
from codelathe.engines._chunks import Garbled, Piece, Usage, read_chunk, whole
from codelathe.engines._guard import PLAIN, guard
from codelathe.engines._refusal import (
    Refusal,
    Service,
    cut_short,
    failure_of,
    garbled,
    read_refusal,
    transport_failure,
)
from codelathe.engines._remote import DEFAULT_PACE, Call, Pace, complete
from codelathe.engines._retry import Transient
from codelathe.engines.secrets import Secret

if TYPE_CHECKING:
    from huggingface_hub import InferenceClient

KEY_VARIABLES = ("HUGGINGFACE_API_KEY", "HF_TOKEN")
_ROUTER = "Hugging Face"
_TOKEN_PREFIX = "hf_"  # noqa: S105 (what tokens begin with)
#: The library wants a token also where none is needed, and would else read a saved one.
_NO_TOKEN = "none"  # noqa: S105
_TGI_LENGTH = "length"


class HuggingFaceEngine:
    """A model behind the inference API."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str = "",
        key: Secret | None = None,
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        """Without `key`, `HUGGINGFACE_API_KEY` is asked, then `HF_TOKEN`.

        Raises:
            MissingKey: no key, and the address is not on this machine.
            RejectedKey: the router is asked with a key of another service.
            UsageError: the address is not http or https, or a file should not choose it.
        """
        base_url = base_url or find_address("HUGGINGFACE_BASE_URL", KEY_VARIABLES)
        self._base = check_address(base_url) if base_url else ""
        host = urlsplit(self._base).hostname or ""
        name = f"the endpoint at {host}" if host else _ROUTER
        key = key or find_key(KEY_VARIABLES, host, name)
        if key is not None and not host and not key.reveal().startswith(_TOKEN_PREFIX):
            raise RejectedKey(
                f"{_ROUTER}'s router takes only its own tokens, which begin with {_TOKEN_PREFIX}",
                hint=f"check {' and '.join(KEY_VARIABLES)}",
            )
        self._service = Service("huggingface", name, model, KEY_VARIABLES[0], key)
        self._info = EngineInfo(
            "huggingface",
            model,
            host or "router",
            context_length=None,
            features=ALL_FEATURES - {"prefill"},
        )
        self._pace = pace
        # Else the library asks the hub for a list, to tell it which program it is run by.
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        self._without: set[str] = set()

    @property
    def info(self) -> EngineInfo:
        """`version` is the endpoint's host, or `router`."""
        return self._info

    def generate(
        self, requests: Sequence[Request], watch: Watch | None = None
    ) -> Generator[Completion]:
        """Yield completions as they finish, several requests at a time.

        Tokens and cost are counted as by the `openai` engine.

        Raises:
            UnsupportedArgument: the engine or the model cannot honour an argument.
            ContextOverflow: a prompt does not fit.
            InputError: the service has no such model (field `model`).
            RemoteError: refused key, rate limit, timeout, failure.
        """
        refuse_unsupported(self._info, requests)
        return complete(requests, watch, self._stream, self._service, self._pace)

    def close(self) -> None:
        """Nothing to free: each answer has its own client, closed with it."""

    def _stream(self, call: Call) -> Iterator[Piece]:
        """One answer; asks again at once without a field that is honoured here as well."""
        while True:
            refusal = yield from self._ask(call)
            if refusal is None:
                return
            if not self._adapt(refusal, call.request):
                raise failure_of(refusal, self._service)

    def _ask(self, call: Call) -> Generator[Piece, None, Refusal | None]:
        """The pieces of one answer; the generator's value is the service's refusal, if any."""
        done = False
        try:
            with closing(self._client()) as client:
                for piece in self._pieces(client, call):
                    done = done or piece.reason is not None
                    yield piece
        except (LatheError, Transient, Garbled):
            raise
        except Exception as error:  # noqa: BLE001 (the library lets many kinds through)
            if done:  # what comes after the end of an answer does not matter
                return None
            outcome = self._failure(error, call.request)
            if isinstance(outcome, Refusal):
                return outcome
            raise outcome from None
        if not done:
            raise cut_short(self._service)
        return None

    def _pieces(self, client: InferenceClient, call: Call) -> Iterator[Piece]:
        if call.request.messages:
            for chunk in client.chat_completion(**self._chat(call)):
                # The chunk as a mapping lacks what its usage has beyond the known fields.
                yield read_chunk({**chunk, "usage": chunk.usage})
        else:
            for event in client.text_generation(**self._text(call)):
                yield _read_token(event)

    def _client(self) -> InferenceClient:
        import httpx2
        from huggingface_hub import InferenceClient, get_session

        hooks = get_session().event_hooks  # one client, shared by all that the library does
        if guard not in hooks["response"]:
            hooks["response"].append(guard)
        key, limits = self._service.key, self._pace.timeouts
        return InferenceClient(
            model=self._base or self._service.model,
            token=key.reveal() if key is not None else _NO_TOKEN,
            headers=PLAIN,
            # Typed as seconds, and handed to httpx2 as it is.
            timeout=httpx2.Timeout(limits.read, connect=limits.connect),  # type: ignore[arg-type]
        )

    def _chat(self, call: Call) -> dict[str, Any]:
        sampling = call.request.sampling
        draw = not sampling.greedy
        arguments: dict[str, Any] = {
            "messages": [
                {"role": m.role, "content": whole(m.content)} for m in call.request.messages
            ],
            "model": self._service.model,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p if draw and sampling.top_p < 1 else None,
            "seed": call.seed if draw else None,
            "stop": list(sampling.stop) or None,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        return {name: v for name, v in arguments.items() if name not in self._without}

    def _text(self, call: Call) -> dict[str, Any]:
        sampling = call.request.sampling
        draw = not sampling.greedy
        return {
            "prompt": whole(call.request.prompt),
            # Named here, since the library remembers by it what a server did not take.
            "model": self._base or self._service.model,
            "max_new_tokens": sampling.max_tokens,
            "do_sample": draw,
            "temperature": sampling.temperature if draw else None,
            "top_p": sampling.top_p if draw and sampling.top_p < 1 else None,
            "seed": call.seed if draw else None,
            "stop": list(sampling.stop) or None,
            "return_full_text": False,
            "details": True,
            "stream": True,
        }

    def _adapt(self, refusal: Refusal, request: Request) -> bool:
        """Learn from a refusal; whether the request can be made again in another form."""
        if refusal.status not in (400, 422) or refusal.overflow or not request.messages:
            return False
        optional = ["stop", "stream_options"]
        if request.sampling.seed == 0:  # nobody asked for this very seed
            optional.append("seed")
        named = {name for name in optional if refusal.names(name)} - self._without
        self._without |= named
        return bool(named)

    def _failure(self, error: Exception, request: Request) -> LatheError | Transient | Refusal:
        import httpx2
        from huggingface_hub import errors

        cause = error.__cause__
        if isinstance(error, errors.HfHubHTTPError):
            return _refusal(error)
        if isinstance(error, errors.InferenceTimeoutError) and isinstance(cause, httpx2.HTTPError):
            return transport_failure(cause, self._service, self._pace.timeouts)
        if isinstance(error, errors.TextGenerationError):
            return failure_of(read_refusal(_tgi_status(error), {}, str(error)), self._service)
        if isinstance(error, errors.OfflineModeIsEnabled):
            return RemoteFailure(
                f"{self._service.name} cannot be asked: HF_HUB_OFFLINE is set",
                hint="unset HF_HUB_OFFLINE, or use a local model",
            )
        if isinstance(error, httpx2.HTTPError):
            return transport_failure(error, self._service, self._pace.timeouts)
        if not request.messages and isinstance(error, (ValueError, StopIteration)):
            return UnsupportedArgument(
                f"{self._service.model} at {self._service.name} does not go on from a plain "
                f"prompt: {self._service.quote(str(error))}",
                hint="ask it as a chat, or choose another engine",
                field="prompt",
            )
        return garbled(f"{type(error).__name__}: {error}", self._service)


def _refusal(error: Any) -> Refusal:
    response = error.response
    return read_refusal(response.status_code, response.headers, response.text)


def _tgi_status(error: Exception) -> int:
    """The HTTP status that TGI would have sent, had its stream not begun."""
    kinds: Mapping[str, int] = {"OverloadedError": 429, "ValidationError": 422}
    return kinds.get(type(error).__name__, 500)


def _read_token(event: object) -> Piece:
    """An event of TGI's own stream. Special tokens are no part of the text."""
    token = event.get("token") if isinstance(event, Mapping) else None
    if not isinstance(event, Mapping) or not isinstance(token, Mapping):
        raise Garbled("an event without a token")
    text, details = token.get("text"), event.get("details")
    if not isinstance(text, str):
        raise Garbled("text that is no string")
    if not isinstance(details, Mapping):
        return Piece("" if token.get("special") else whole(text))
    prompt, written = details.get("input_length"), details.get("generated_tokens")
    usage = None
    if isinstance(prompt, int) and isinstance(written, int):
        usage = Usage(prompt, written)
    return Piece(
        text="" if token.get("special") else whole(text),
        reason="length" if details.get("finish_reason") == _TGI_LENGTH else "stop",
        usage=usage,
    )
