"""The parts of a streamed answer in OpenAI's form, which other services follow.

A chunk is the JSON object of one server-sent event. Services are not trusted to keep to
the form: whatever does not fit raises `Garbled`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codelathe.core.generation import FinishReason

_REASONS: Mapping[str, FinishReason] = {"length": "length", "max_tokens": "length"}


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
    text = choice.get("text") if delta is None else _get(delta, "content")
    if text is not None and not isinstance(text, str):
        raise Garbled("text that is no string")
    reason = choice.get("finish_reason")
    if reason is None:
        return whole(text or ""), None
    if reason == "content_filter":
        raise Garbled("the content filter ended the answer")
    return whole(text or ""), _REASONS.get(str(reason), "stop")


def _get(delta: object, name: str) -> Any:
    if not isinstance(delta, Mapping):
        raise Garbled("a delta that is no object")
    return delta.get(name)


def _usage(usage: object) -> Usage | None:
    if not isinstance(usage, Mapping):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    cost = usage.get("cost")
    price = float(cost) if isinstance(cost, int | float) else None
    return Usage(max(0, prompt), max(0, completion), price)


def whole(text: str) -> str:
    """`text` without lone surrogates, which JSON can carry and no file can."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
