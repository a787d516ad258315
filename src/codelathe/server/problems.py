"""Errors as answers: problem documents (RFC 9457), without traces, keys or paths.

    {"type": "urn:codelathe:error:MissingKey", "title": "Missing key", "status": 503,
     "detail": "OpenAI needs an API key and OPENAI_API_KEY is not set", "hint": "export ..."}

Errors of fields have `errors` beside it: `[{"field": "max_tokens", "message": "..."}]`.
The status of one of our errors stands in `core.errors.ANSWERS` and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from codelathe.core.errors import LatheError, answer

#: An absolute path with at least two parts: only its last one is nobody's secret.
_PATH = re.compile(r"(?<![\w:/.])(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\'\"]+[/\\])+(?=[^\s/\\'\"])")
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MAX_ERRORS = 20


class SafeJSONResponse(JSONResponse):
    """JSON in UTF-8, also of text with lone surrogates, which become question marks."""

    def render(self, content: Any) -> bytes:
        """`content` as bytes."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


def problem(
    status: int,
    name: str,
    detail: str,
    *,
    hint: str = "",
    errors: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document. `name` is a class name; `errors` are pairs of field and message."""
    body: dict[str, Any] = {
        "type": f"urn:codelathe:error:{name}",
        "title": _WORD.sub(" ", name).capitalize(),
        "status": status,
        "detail": detail,
    }
    if hint:
        body["hint"] = hint
    if errors:
        body["errors"] = [{"field": f, "message": m} for f, m in errors]
    return SafeJSONResponse(
        body, status, headers=dict(headers or {}), media_type="application/problem+json"
    )


def without_paths(text: str) -> str:
    """`text` with the folders of absolute paths taken out."""
    return _PATH.sub("", text)


def of_error(error: LatheError, fields: Mapping[str, str] = {}) -> JSONResponse:
    """The answer for one of our errors. `fields` renames its field to the one in the body."""
    field = fields.get(error.field, error.field)
    message = without_paths(error.message)
    return problem(
        answer(error)[1],
        type(error).__name__,
        message,
        hint=without_paths(error.hint),
        errors=[(field, message)] if field else (),
    )


async def on_lathe_error(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    """Errors raised on purpose."""
    assert isinstance(error, LatheError)
    return of_error(error)


async def on_invalid(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    """A body that does not have the form: every field at fault, by name."""
    assert isinstance(error, RequestValidationError)
    errors = [(_field(e["loc"]), str(e["msg"])) for e in error.errors()[:_MAX_ERRORS]]
    detail = "; ".join(f"{field}: {message}" for field, message in errors)
    return problem(422, "InputError", detail, errors=errors)


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """No such path, no such method on it, or a body that nobody can read."""
    assert isinstance(error, HTTPException)
    where = f"{request.method} {request.url.path}"
    names = {400: "BadRequest", 404: "NotFound", 405: "MethodNotAllowed"}
    name = names.get(error.status_code, "RequestRefused")
    return problem(
        error.status_code,
        name,
        f"{where}: {error.detail}",
        hint="POST /generate-code/{backend}/ or /explain-code/{backend}/",
        headers=error.headers,
    )


async def on_unexpected(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    """A fault of ours: the trace goes to the server's log, none of it to the client."""
    return problem(
        500, "InternalError", "the server failed; its log says where", hint="tell its maintainers"
    )


def _field(location: Sequence[int | str]) -> str:
    """`("body", "example_inputs", 0)` becomes `example_inputs[0]`."""
    parts = location[1:] if location and location[0] in ("body", "path", "query") else location
    if not parts or location[-1] == "body" or isinstance(parts[0], int):
        return "body"
    name, *rest = parts
    return str(name) + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in rest)
