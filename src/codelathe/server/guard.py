"""What is checked of a request before anything reads it.

The service is for this machine: a connection that came in at another address is refused,
and on loopback so is a `Host` that names another machine (a page in a browser could
otherwise have its own name point here: DNS rebinding). Bodies are JSON, which a page of
another origin cannot send without asking first, and are limited in size and time.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from codelathe.server.problems import problem

#: A prompt of a million characters fits, also where JSON escapes each of them.
MAX_BODY = 8 << 20
#: Seconds for a body to come in.
BODY_TIME = 30.0
#: What is read and thrown away of a body that is too large: so many times the limit, seconds.
_DRAINED, _DRAIN_TIME = 4, 5.0

_DIGITS = re.compile(r"[0-9]{1,15}")


class Guard:
    """ASGI middleware: refuses what is not for this service, and reads the body."""

    def __init__(self, app: ASGIApp, max_body: int = MAX_BODY, body_time: float = BODY_TIME):
        self._app = app
        self._max_body = max_body
        self._body_time = body_time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its whole body, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = _foreign(scope, headers) or _not_json(scope, headers)
        if refused is None:
            body = await self._body(headers, receive)
            if isinstance(body, bytes):
                await self._app(scope, _replay(body, receive), send)
                return
            refused = body
        await refused(scope, receive, send)

    async def _body(self, headers: Headers, receive: Receive) -> bytes | Response:
        """The whole body; how much comes is counted, whatever the headers say."""
        length = headers.get("content-length", "0")
        if not _DIGITS.fullmatch(length) or int(length) > self._max_body:
            if "expect" not in headers:  # else the client has not begun to send it
                await self._drain(receive)
            return self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_time):
                while True:
                    message = await receive()
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(body) > self._max_body:
                        if more:
                            await self._drain(receive)
                        return self._too_large()
                    if not more:
                        return bytes(body)
        except TimeoutError:
            return _closing(408, "RequestTimeout", "the body did not come in time")

    async def _drain(self, receive: Receive) -> None:
        """Throw away what still comes, for a while: a client that sends does not read."""
        left = _DRAINED * self._max_body
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_TIME):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return

    def _too_large(self) -> Response:
        return _closing(413, "BodyTooLarge", f"the body is larger than {self._max_body:,} bytes")


def _closing(status: int, name: str, detail: str) -> Response:
    """An answer that ends the connection, since the rest of the body was not read."""
    return problem(status, name, detail, headers={"connection": "close"})


def _foreign(scope: Scope, headers: Mapping[str, str]) -> Response | None:
    address = (scope.get("server") or ("", None))[0]
    try:
        local = ipaddress.ip_address(address).is_loopback
    except ValueError:  # no network address: a socket in the file system, or a test client
        return None
    if not local:
        return problem(
            403,
            "NotLoopback",
            "this release answers on loopback only",
            hint="bind it to 127.0.0.1, and reach it from elsewhere through an SSH tunnel",
        )
    host = headers.get("host", "")
    if _is_loopback_host(host):
        return None
    return problem(
        421, "ForeignHost", f"the Host {host[:100]!r} is not this machine", hint="ask localhost"
    )


def _is_loopback_host(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _not_json(scope: Scope, headers: Mapping[str, str]) -> Response | None:
    if scope["method"] != "POST":
        return None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return None
    return problem(
        415,
        "NotJSON",
        f"the content type is {kind[:100] or 'missing'}, not application/json",
        hint="curl -H 'Content-Type: application/json' ...",
        headers={"connection": "close"},
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body in one piece, then what comes after it: the client's hanging up."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
