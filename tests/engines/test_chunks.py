"""Odd shapes that services give the parts of an answer."""

from __future__ import annotations

from typing import Any

import pytest

from codelathe.engines._chunks import Garbled, Usage, read_chunk, read_json


def chunk(content: object, **rest: object) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": content, **rest}, "finish_reason": None}]}


def counted(**usage: object) -> dict[str, Any]:
    return {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, **usage}}


def test_text_in_parts_is_joined_and_thoughts_are_left_out() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": "hm"}]
    assert read_chunk(chunk([*parts, {"type": "text", "text": "b"}])).text == "ab"


def test_a_thought_or_a_tool_call_is_no_text() -> None:
    assert read_chunk(chunk(None, reasoning_content="hm", tool_calls=[{"id": 1}])).text == ""


@pytest.mark.parametrize("content", [7, {"text": "a"}, [{"type": "text", "text": 7}]])
def test_text_that_is_none_is_garbled(content: object) -> None:
    with pytest.raises(Garbled):
        read_chunk(chunk(content))


@pytest.mark.parametrize("cost", [float("nan"), float("inf"), -1, 10**400, "free", None])
def test_a_cost_that_is_no_amount_is_not_known(cost: object) -> None:
    assert read_chunk(counted(cost=cost)).usage == Usage(1, 2, None)


@pytest.mark.parametrize("count", [True, -1, 1 << 70, 1.5, None])
def test_a_count_that_is_none_counts_nothing(count: object) -> None:
    assert read_chunk(counted(completion_tokens=count)).usage is None


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "9" * 10_000, b"\xff"])
def test_json_that_cannot_be_read_is_garbled(text: str | bytes) -> None:
    with pytest.raises(Garbled):
        read_json(text)
