"""From a JSON object to a row: which form it has, other names for its fields, what is wrong.

ShareGPT's form (`conversations` of `from` and `value`) is known under its own names. An object
that fits several forms is read as the first of them in the order of `rows.REQUIRED`; data sets
that carry both an instruction and its rendered `text` are common.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from codelathe.core.errors import UnknownName, UsageError
from codelathe.core.generation import Message, Role
from codelathe.training.data.rows import (
    ABOUT,
    FIELDS,
    JUDGED_BY,
    REQUIRED,
    About,
    Chat,
    Content,
    Fault,
    FaultKind,
    Form,
    Hole,
    Pair,
    Row,
    Text,
)

#: What chats call their speakers, by the role that it is.
_ROLES: dict[str, Role] = {
    "system": "system", "user": "user", "human": "user", "assistant": "assistant",
    "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant", "bard": "assistant",
    "model": "assistant", "bot": "assistant",
}  # fmt: skip
_SHAREGPT = "conversations"
_FORMS_TOLD = (
    "messages; instruction and output; prompt and completion; prefix, suffix and middle; text"
)


def parse_mapping(text: str) -> dict[str, str]:
    """`instruction=question,output=answer`: for each field of ours, what the data calls it.

    Raises:
        UsageError: a part is not `OURS=THEIRS`, or a field is named twice.
        UnknownName: there is no such field here.
    """
    mapping: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        ours, equals, theirs = (side.strip() for side in part.partition("="))
        if not (equals and ours and theirs):
            raise UsageError(
                f"--map has {part!r}, which is not OURS=THEIRS",
                hint="--map instruction=question,output=answer",
                field="map",
            )
        if ours not in FIELDS:
            raise UnknownName("field", ours, FIELDS, also="write OURS=THEIRS", field="map")
        if ours in mapping:
            raise UsageError(f"--map names {ours!r} twice", field="map")
        mapping[ours] = theirs
    return mapping


@dataclass(frozen=True, slots=True)
class Read:
    """What an object was read as.

    `others` are further forms that it fits, `unread` its fields that nothing looks at.
    """

    row: Row
    others: tuple[Form, ...] = ()
    unread: tuple[str, ...] = ()


class Former:
    """Makes rows of objects, fields named as in `mapping` (ours to theirs)."""

    def __init__(self, mapping: Mapping[str, str] | None = None) -> None:
        self._mapping = dict(mapping or {})

    def read(self, document: Any, source: str, line: int) -> Read | Fault:
        """The row that `document` is, or what is wrong with it."""
        try:
            return self._read(document, source, line)
        except _Wrong as wrong:
            return Fault(wrong.kind, source, line, str(wrong))

    def _read(self, document: Any, source: str, line: int) -> Read:
        if not isinstance(document, dict):
            raise _Wrong(FaultKind.NO_FORM, f"is {_kind(document)}, not an object with fields")
        fields = self._named(document)
        fitting = [form for form, names in REQUIRED.items() if fields.keys() >= set(names)]
        if not fitting:
            raise _Wrong(FaultKind.NO_FORM, _no_form(fields))
        form = fitting[0]
        content = _CONTENT[form](fields)
        about = _about(fields)
        _check_text(content, about)
        unread = tuple(str(name) for name in fields if name not in FIELDS)
        return Read(Row(content, form, source, line, about), tuple(fitting[1:]), unread)

    def _named(self, document: dict[str, Any]) -> dict[str, Any]:
        """The fields under our names; those that are null are as good as absent."""
        fields = {name: value for name, value in document.items() if value is not None}
        renamed = {
            ours: fields.pop(theirs) for ours, theirs in self._mapping.items() if theirs in fields
        }
        fields.update(renamed)
        if "messages" not in fields and _SHAREGPT in fields:
            fields["messages"] = fields.pop(_SHAREGPT)
        return fields


class _Wrong(Exception):
    def __init__(self, kind: FaultKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _no_form(fields: Mapping[str, Any]) -> str:
    for names in REQUIRED.values():
        missing = [name for name in names if name not in fields]
        if len(missing) < len(names):
            present = " and ".join(name for name in names if name in fields)
            return f"has {present} but no {' and no '.join(missing)}"
    has = ", ".join(repr(str(name)) for name in list(fields)[:8]) or "no fields"
    return f"has {has}; a row has one of: {_FORMS_TOLD}"


def _messages(fields: Mapping[str, Any]) -> Content:
    given = fields["messages"]
    if isinstance(given, str):  # what a cell of a table can hold
        given = _decoded(given)
    if not isinstance(given, list):
        raise _Wrong(FaultKind.WRONG_TYPE, f"messages is {_kind(given)}, not a list")
    messages = tuple(_message(item, number) for number, item in enumerate(given, 1))
    _check_order(messages)
    return Chat(messages)


def _decoded(text: str) -> Any:
    """The list that a text is as JSON; the text where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, list) else text


def _message(item: Any, number: int) -> Message:
    where = f"message {number}"
    if not isinstance(item, dict):
        raise _Wrong(FaultKind.WRONG_TYPE, f"{where} is {_kind(item)}, not an object")
    role = item.get("role", item.get("from"))
    content = item.get("content", item.get("value"))
    if not isinstance(role, str):
        raise _Wrong(FaultKind.WRONG_TYPE, f"{where} has no role")
    if role.lower() not in _ROLES:
        raise _Wrong(
            FaultKind.ROLE, f"{where} has the role {role!r}; known: system, user, assistant"
        )
    if isinstance(content, list):  # OpenAI's parts of a message
        content = _joined(content, where)
    if not isinstance(content, str):
        raise _Wrong(FaultKind.WRONG_TYPE, f"the content of {where} is {_kind(content)}, no text")
    return Message(_ROLES[role.lower()], content)


def _joined(parts: list[Any], where: str) -> str:
    texts = [part.get("text") if isinstance(part, dict) else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise _Wrong(FaultKind.WRONG_TYPE, f"{where} has a part that is no text")
    return "".join(cast("list[str]", texts))


def _check_order(messages: tuple[Message, ...]) -> None:
    """System first if at all, then user and assistant in turn, the assistant last."""
    turns = messages[1:] if messages and messages[0].role == "system" else messages
    if not any(message.role == "assistant" for message in turns):
        raise _Wrong(FaultKind.EMPTY, "has no turn of the assistant: nothing would be learned")
    offset = len(messages) - len(turns) + 1
    for number, message in enumerate(turns):
        expected = "user" if number % 2 == 0 else "assistant"
        if message.role != expected:
            raise _Wrong(
                FaultKind.ORDER,
                f"message {number + offset} is the {message.role}'s where the {expected}'s belongs",
            )
        if expected == "assistant" and not message.content.strip():
            raise _Wrong(FaultKind.EMPTY, f"message {number + offset} of the assistant is empty")
    if turns[-1].role != "assistant":
        raise _Wrong(FaultKind.ORDER, "the last message is the user's: it has no answer")


def _instruction(fields: Mapping[str, Any]) -> Content:
    instruction, output = _text(fields, "instruction"), _text(fields, "output")
    given = _text(fields, "input") if "input" in fields else ""
    _require(output, "output")
    return Pair(f"{instruction}\n\n{given}" if given.strip() else instruction, output, asked=True)


def _prompt(fields: Mapping[str, Any]) -> Content:
    if any(isinstance(fields[name], list) for name in ("prompt", "completion")):
        return _messages({"messages": [*_listed(fields, "prompt"), *_listed(fields, "completion")]})
    prompt, completion = _text(fields, "prompt"), _text(fields, "completion")
    _require(completion, "completion")
    return Pair(prompt, completion)


def _listed(fields: Mapping[str, Any], name: str) -> list[Any]:
    """The turns of a prompt or completion that is conversational, as TRL has them."""
    value = fields[name]
    if not isinstance(value, list):
        raise _Wrong(
            FaultKind.WRONG_TYPE,
            f"{name} is {_kind(value)}; prompt and completion are both texts or both turns",
        )
    return value


def _middle(fields: Mapping[str, Any]) -> Content:
    prefix, suffix, middle = (_text(fields, name) for name in ("prefix", "suffix", "middle"))
    _require(middle, "middle")
    return Hole(prefix, suffix, middle)


def _plain(fields: Mapping[str, Any]) -> Content:
    text = _text(fields, "text")
    _require(text, "text")
    return Text(text)


_CONTENT = {
    "messages": _messages,
    "instruction": _instruction,
    "prompt": _prompt,
    "fill-in-the-middle": _middle,
    "text": _plain,
}


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise _Wrong(FaultKind.WRONG_TYPE, f"{name} is {_kind(value)}, no text")
    return value


def _require(text: str, name: str) -> None:
    if not text.strip():
        raise _Wrong(FaultKind.EMPTY, f"{name} is empty: nothing would be learned")


def _about(fields: Mapping[str, Any]) -> About:
    found: dict[str, str] = {}
    for name in ABOUT:
        value = fields.get(name, "")
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise _Wrong(FaultKind.WRONG_TYPE, f"{name} is {_kind(value)}, no text")
        found[name] = str(value)
    if found["time"]:
        found["time"] = _time(found["time"])
    return About(**found, **_judged_by(fields))


def _judged_by(fields: Mapping[str, Any]) -> dict[str, str]:
    """The tests and the function they call; other data sets mean other things by these names."""
    tests, entry = (fields.get(name) for name in JUDGED_BY)
    if isinstance(tests, list) and all(isinstance(test, str) for test in tests):
        tests = "\n".join(tests)
    if not (isinstance(tests, str) and isinstance(entry, str) and tests.strip() and entry):
        return {}
    return {"tests": tests, "entry_point": entry}


def _time(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise _Wrong(
            FaultKind.WRONG_TYPE, f"time is {text[:40]!r}, not as ISO 8601 writes 2026-11-20"
        ) from None
    return text


def _check_text(content: Content, about: About) -> None:
    """Half a surrogate pair is no character: no tokenizer takes it."""
    row = Row(content, "text", "", 0, about)
    for text in (row.text, *(getattr(about, name) for name in (*ABOUT, *JUDGED_BY))):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _Wrong(
                FaultKind.ENCODING, f"holds {text[error.start]!a}, which is no character"
            ) from None


def _kind(value: Any) -> str:
    """What a value is, in JSON's words."""
    if value is None:
        return "null"
    kinds = ((bool, "a truth value"), (str, "a text"), ((int, float), "a number"),
             (list, "a list"), (dict, "an object"))  # fmt: skip
    return next((word for kind, word in kinds if isinstance(value, kind)), type(value).__name__)
