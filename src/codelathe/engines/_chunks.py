"""The parts of a streamed answer in OpenAI's form, which other services follow.

A chunk is the JSON object of one server-sent event. Services are not trusted to keep to
the form: whatever does not fit raises `Garbled`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codelathe.core.generation import FinishReason

_REASONS: Mapping[str, FinishReason] = {"length": "length", "max_tokens": "length"}


#: More than any service has counted for one answer: a larger number is no count.
_MOST_TOKENS = 1 << 40


class Garbled(Exception):
    """What came is not a part of an answer; the message says why."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the service counted. `cost_usd` is None where it names no price."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of one answer. `reason` is set where the answer ends, `usage` at the very end."""

    text: str = ""
    reason: FinishReason | None = None
    usage: Usage | None = None
    model: str = ""


def read_json(text: str | bytes) -> Any:
    """`text` as JSON values.

    Raises:
        Garbled: it is no JSON, or nested as no answer is.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Garbled("a part of it is not JSON") from None


def read_chunk(chunk: object) -> Piece:
    """A chunk of `/chat/completions` or `/completions`, for one answer a request.

    Raises:
        Garbled: it is not of that form, or the service's content filter ended the answer.
    """
    if not isinstance(chunk, Mapping):
        raise Garbled(f"a chunk that is a {type(chunk).__name__}, not an object")
    choices = chunk.get("choices")
    if choices is None and "usage" not in chunk:
        raise Garbled("a chunk without choices")
    if not isinstance(choices, list | None):
        raise Garbled("choices that are no list")
    text, reason = _choice(choices[0]) if choices else ("", None)
    model = chunk.get("model")
    return Piece(
        text=text,
        reason=reason,
        usage=_usage(chunk.get("usage")),
        model=model if isinstance(model, str) else "",
    )


def _choice(choice: object) -> tuple[str, FinishReason | None]:
    if not isinstance(choice, Mapping):
        raise Garbled("a choice that is no object")
    delta = choice.get("delta")
    text = whole(_text(choice.get("text") if delta is None else _get(delta, "content")))
    reason = choice.get("finish_reason")
    if reason is None:
        return text, None
    if reason == "content_filter":
        raise Garbled("the content filter ended the answer")
    return text, _REASONS.get(str(reason), "stop")


def _text(content: object) -> str:
    """A string, nothing, or a list of typed parts, of which those of type `text` count."""
    if content is None:
        return ""
    if isinstance(content, list):
        parts = (p for p in content if isinstance(p, Mapping) and p.get("type") == "text")
        return "".join(_text(part.get("text")) for part in parts)
    if not isinstance(content, str):
        raise Garbled("text that is no string")
    return content


def _get(delta: object, name: str) -> Any:
    if not isinstance(delta, Mapping):
        raise Garbled("a delta that is no object")
    return delta.get(name)


def _usage(usage: object) -> Usage | None:
    if not isinstance(usage, Mapping):
        return None
    prompt, completion = (_count(usage.get(n)) for n in ("prompt_tokens", "completion_tokens"))
    if prompt is None or completion is None:
        return None
    return Usage(prompt, completion, _price(usage.get("cost")))


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def _price(value: object) -> float | None:
    try:
        price = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return None
    return price if math.isfinite(price) and price >= 0 else None


def whole(text: str) -> str:
    """`text` without lone surrogates, which JSON can carry and no file can."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
