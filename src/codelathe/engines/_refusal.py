"""What a service's failing means: a refusal or a broken connection becomes one of our errors.

OpenAI-compatible services and the Hugging Face router agree on the statuses and, roughly,
on a body `{"error": {"message", "code", "param"}}`; others send `{"error": "..."}`,
`{"message": ...}`, `{"detail": ...}` or plain text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
from codelathe.engines._chunks import Garbled, read_json
from codelathe.engines._retry import Timeouts, Transient, retry_after
from codelathe.engines.secrets import Secret, scrub

if TYPE_CHECKING:
    import httpx2

_OVERFLOW = re.compile(
    r"context.?(length|size|window)|maximum context|too many (input )?tokens|prompt is too long"
    r"|inputs? tokens.{0,40}must (have|be)|exceeds? .{0,40}(context|token limit)",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(r"\bmodel\b", re.IGNORECASE)
_QUOTA = ("insufficient_quota", "billing_hard_limit_reached")
_BUSY = frozenset({408, 409, 425, 500, 502, 503, 504, 529})
#: Arguments of a request by the names that services have for them.
ARGUMENTS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_new_tokens": "max_tokens",
}


@dataclass(frozen=True, slots=True)
class Service:
    """Who is asked: our engine, a name for messages, the model, the key and its variable."""

    engine: str
    name: str
    model: str
    variable: str
    key: Secret | None = None

    def quote(self, text: str) -> str:
        """The service's words, scrubbed."""
        return scrub(text, self.key)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer as the service wrote it."""

    status: int
    message: str
    code: str = ""
    param: str = ""
    after: float | None = None

    @property
    def overflow(self) -> bool:
        """Whether it says that the prompt does not fit the context."""
        return self.code == "context_length_exceeded" or (
            self.status in (400, 413, 422) and bool(_OVERFLOW.search(self.message))
        )

    def names(self, field: str) -> bool:
        """Whether it is about the request's field `field`."""
        if self.param:
            return self.param == field
        return bool(re.search(rf"(?<![\w-]){re.escape(field)}(?![\w-])", self.message))


def read_refusal(status: int, headers: Mapping[str, str], body: str) -> Refusal:
    """Find message, code and parameter in `body`, whatever its form."""
    try:
        document = read_json(body)
    except Garbled:
        document = body
    error = document.get("error", document) if isinstance(document, dict) else document
    if not isinstance(error, dict):
        return Refusal(status, str(error), after=retry_after(headers))
    message = error.get("message") or error.get("detail") or error
    return Refusal(
        status,
        str(message),
        code=str(error.get("code") or error.get("type") or ""),
        param=str(error.get("param") or ""),
        after=retry_after(headers),
    )


def failure_of(refusal: Refusal, service: Service) -> LatheError | Transient:
    """The error for `refusal`; Transient where asking again may help."""
    said = service.quote(refusal.message) or "no reason given"
    if refusal.status in (401, 403):
        return RejectedKey(
            f"{service.name} refused the API key ({refusal.status}): {said}",
            hint=f"check {service.variable}, and that its account may use {service.model}",
        )
    if refusal.status == 429:
        return _rate_limited(refusal, service, said)
    if refusal.overflow:
        return ContextOverflow(
            f"the prompt does not fit the context of {service.model}: {said}",
            hint="shorten the prompt, or ask for fewer tokens with --max-tokens",
            field="prompt",
        )
    if refusal.status == 404:
        return _not_found(refusal, service, said)
    if refusal.status in _BUSY:
        kind = RemoteTimeout if refusal.status in (408, 504) else RemoteFailure
        return Transient(
            kind(
                f"{service.name} failed ({refusal.status}): {said}",
                hint="try again later, or use a local model",
            ),
            refusal.after,
        )
    if refusal.status in (400, 422) and (argument := _argument(refusal)):
        return UnsupportedArgument(
            f"{service.model} at {service.name} cannot honour {argument!r}: {said}",
            hint=f"choose another value for {argument!r}, or another model",
            field=argument,
        )
    return RemoteFailure(
        f"{service.name} did not accept the request ({refusal.status}): {said}",
        hint=f"check that {service.model} answers this kind of request",
    )


def _rate_limited(refusal: Refusal, service: Service, said: str) -> LatheError | Transient:
    if refusal.code in _QUOTA:
        return RateLimited(
            f"the account's quota at {service.name} is used up: {said}",
            hint=f"check the plan that {service.variable} belongs to, or use a local model",
        )
    wait = f" (it asks to wait {refusal.after:.0f} s)" if refusal.after else ""
    error = RateLimited(
        f"{service.name} went on limiting the rate of requests{wait}: {said}",
        hint="wait, lower -n, or use a local model",
    )
    return Transient(error, refusal.after)


def _not_found(refusal: Refusal, service: Service, said: str) -> LatheError:
    if refusal.code == "model_not_found" or _NO_MODEL.search(refusal.message):
        return InputError(
            f"{service.name} has no model {service.model!r} for this: {said}",
            hint="check the model's name, and that the account may use it",
            field="model",
        )
    return RemoteFailure(
        f"{service.name} has nothing at this address (404): {said}",
        hint="check the base address; it usually ends in /v1",
    )


def _argument(refusal: Refusal) -> str:
    return next((ours for theirs, ours in ARGUMENTS.items() if refusal.names(theirs)), "")


def transport_failure(
    error: httpx2.HTTPError, service: Service, limits: Timeouts
) -> LatheError | Transient:
    """The error for a connection that failed."""
    import httpx2

    reason = service.quote(str(error)) or type(error).__name__
    if isinstance(error, httpx2.ConnectTimeout):
        why = f"{service.name} did not accept a connection in {limits.connect:g} s"
        return Transient(RemoteTimeout(why, hint="check the network and the base address"))
    if isinstance(error, httpx2.TimeoutException):
        return RemoteTimeout(
            f"{service.name} sent nothing for {limits.read:g} s", hint="try again later"
        )
    if isinstance(error, httpx2.ConnectError):
        why = f"{service.name} cannot be reached: {reason}"
        return Transient(RemoteFailure(why, hint="check the network and the base address"))
    if isinstance(error, (httpx2.NetworkError, httpx2.RemoteProtocolError)):
        return cut_short(service)
    return garbled(reason, service)


def cut_short(service: Service) -> Transient:
    """The error for a stream that ended inside an answer."""
    return Transient(
        RemoteFailure(
            f"{service.name} broke off in the middle of an answer",
            hint="try again; what was finished before is kept",
        )
    )


def garbled(why: str, service: Service) -> RemoteFailure:
    """The error for an answer that is none."""
    return RemoteFailure(
        f"{service.name} sent no usable answer: {service.quote(why)}",
        hint="try again, or check the base address and the model",
    )
