"""Which row an object is, and what is told of one that is none."""

from __future__ import annotations

from typing import Any

import pytest

from codelathe.core.errors import UnknownName, UsageError
from codelathe.core.generation import Message
from codelathe.training.data.forms import Former, Read, parse_mapping
from codelathe.training.data.rows import Chat, Fault, FaultKind, Hole, Pair, Row, Text

HELLO = {"role": "user", "content": "hi"}
ANSWER = {"role": "assistant", "content": "hello"}


def read(document: Any, **mapping: str) -> Row:
    found = Former(mapping).read(document, "f", 1)
    assert isinstance(found, Read), found
    return found.row


def fault(document: Any) -> Fault:
    found = Former().read(document, "f", 7)
    assert isinstance(found, Fault)
    return found


@pytest.mark.parametrize(
    ("document", "content"),
    [
        (
            {"messages": [HELLO, ANSWER]},
            Chat((Message("user", "hi"), Message("assistant", "hello"))),
        ),
        ({"prompt": "a", "completion": "b"}, Pair("a", "b")),
        ({"instruction": "a", "output": "b"}, Pair("a", "b", asked=True)),
        ({"instruction": "a", "input": "c", "output": "b"}, Pair("a\n\nc", "b", asked=True)),
        ({"text": "a"}, Text("a")),
        ({"prefix": "a", "suffix": "", "middle": "b"}, Hole("a", "", "b")),
    ],
    ids=["messages", "prompt", "instruction", "instruction with input", "text", "hole"],
)
def test_each_form_becomes_its_content(document: Any, content: Any) -> None:
    assert read(document).content == content


def test_sharegpt_is_known_by_its_own_names() -> None:
    row = read(
        {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "yo"}]}
    )
    assert row.content == Chat((Message("user", "hi"), Message("assistant", "yo")))


def test_conversational_prompts_and_completions_are_one_chat() -> None:
    assert isinstance(read({"prompt": [HELLO], "completion": [ANSWER]}).content, Chat)


def test_messages_in_a_cell_of_a_table_are_read_as_json() -> None:
    cell = '[{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]'
    assert isinstance(read({"messages": cell}).content, Chat)


def test_a_mapping_gives_fields_our_names() -> None:
    row = read({"question": "q", "answer": "a"}, instruction="question", output="answer")
    assert row.content == Pair("q", "a", asked=True)


def test_what_a_row_says_of_itself_is_kept() -> None:
    row = read({"text": "a", "id": 7, "group": "g", "time": "2026-01-02T03:04:05Z"})
    assert (row.about.id, row.about.group, row.about.time) == ("7", "g", "2026-01-02T03:04:05Z")


def test_null_is_as_good_as_absent() -> None:
    assert read({"instruction": "a", "input": None, "output": "b", "text": None}).form == (
        "instruction"
    )


def test_a_second_form_that_fits_is_told() -> None:
    found = Former().read({"instruction": "a", "output": "b", "text": "ab"}, "f", 1)
    assert isinstance(found, Read)
    assert (found.row.form, found.others) == ("instruction", ("text",))


def test_fields_that_nothing_reads_are_told() -> None:
    found = Former().read({"text": "a", "stars": 3}, "f", 1)
    assert isinstance(found, Read)
    assert found.unread == ("stars",)


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ([1], FaultKind.NO_FORM),
        ({}, FaultKind.NO_FORM),
        ({"prompt": "a"}, FaultKind.NO_FORM),
        ({"prompt": 1, "completion": "b"}, FaultKind.WRONG_TYPE),
        ({"prompt": [HELLO], "completion": "b"}, FaultKind.WRONG_TYPE),
        ({"messages": "hi"}, FaultKind.WRONG_TYPE),
        ({"messages": ["hi"]}, FaultKind.WRONG_TYPE),
        ({"messages": [{"role": "user", "content": 3}]}, FaultKind.WRONG_TYPE),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, FaultKind.WRONG_TYPE),
        ({"text": "a", "time": "yesterday"}, FaultKind.WRONG_TYPE),
        ({"text": "a", "group": ["g"]}, FaultKind.WRONG_TYPE),
        ({"prompt": "a", "completion": " \n"}, FaultKind.EMPTY),
        ({"messages": []}, FaultKind.EMPTY),
        ({"messages": [HELLO]}, FaultKind.EMPTY),
        ({"messages": [HELLO, {"role": "assistant", "content": ""}]}, FaultKind.EMPTY),
        ({"messages": [{"role": "tool", "content": "x"}]}, FaultKind.ROLE),
        ({"messages": [ANSWER, HELLO]}, FaultKind.ORDER),
        ({"messages": [HELLO, HELLO, ANSWER]}, FaultKind.ORDER),
        ({"messages": [HELLO, ANSWER, HELLO]}, FaultKind.ORDER),
        ({"text": "a\ud800b"}, FaultKind.ENCODING),
        ({"text": "a", "id": "\udfff"}, FaultKind.ENCODING),
    ],
    ids=str,
)
def test_what_is_no_row_is_a_fault_of_its_kind(document: Any, kind: FaultKind) -> None:
    found = fault(document)
    assert (found.kind, found.source, found.line) == (kind, "f", 7)


def test_the_fault_of_half_a_form_names_what_is_missing() -> None:
    assert fault({"instruction": "a", "answer": "b"}).message == "has instruction but no output"


def test_a_mapping_is_parsed() -> None:
    assert parse_mapping("instruction = question, output=answer,") == {
        "instruction": "question", "output": "answer",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["instruction", "=a", "output=", "text=a,text=b"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_mapping(text)


def test_a_mapping_of_a_field_that_does_not_exist_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="instructions") as refused:
        parse_mapping("instructions=question")
    assert "instruction" in refused.value.hint
