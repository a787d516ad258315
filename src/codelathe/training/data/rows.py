"""What a file of training data holds: rows in a few known forms, and the faults of the others.

A row has one of five forms. Four kinds of content come out of them: a chat, a prompt with its
completion (an instruction is one), plain text, and a text with a hole to fill.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, get_args

from codelathe.core.generation import Message

Form = Literal["messages", "instruction", "prompt", "fill-in-the-middle", "text"]
FORMS: tuple[Form, ...] = get_args(Form)
#: The fields that make a form, in the order in which forms are looked for.
REQUIRED: dict[Form, tuple[str, ...]] = {
    "messages": ("messages",),
    "instruction": ("instruction", "output"),
    "prompt": ("prompt", "completion"),
    "fill-in-the-middle": ("prefix", "suffix", "middle"),
    "text": ("text",),
}
ABOUT = ("id", "group", "file", "time", "licence", "kind")
#: What judges a model's own answer to a row, where it is held out.
JUDGED_BY = ("tests", "entry_point")
#: Every field that is read.
FIELDS = (
    *dict.fromkeys(name for names in REQUIRED.values() for name in names), "input", *ABOUT,
    *JUDGED_BY,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chat:
    """Turns; those of the assistant are learned."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt, and the completion that is learned. `asked`: the prompt is an instruction."""

    prompt: str
    completion: str
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A text, all of which is learned."""

    text: str


@dataclass(frozen=True, slots=True)
class Hole:
    """A text with a hole between `prefix` and `suffix`; `middle`, which fills it, is learned."""

    prefix: str
    suffix: str
    middle: str


Content = Chat | Pair | Text | Hole


@dataclass(frozen=True, slots=True)
class About:
    """What a row says of itself; empty where it does not. `time` is ISO 8601.

    `tests` is a program that raises where an answer's function `entry_point` is wrong.
    """

    id: str = ""
    group: str = ""
    file: str = ""
    time: str = ""
    licence: str = ""
    kind: str = ""
    tests: str = ""
    entry_point: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row that can be used, and where it stands: line (or record) `line` of `source`."""

    content: Content
    form: Form
    source: str
    line: int
    about: About = About()

    @property
    def name(self) -> str:
        """Its id, else its place."""
        return self.about.id or f"{self.source}:{self.line}"

    @property
    def text(self) -> str:
        """Everything it says, part after part, without any markup between."""
        return "\n".join(_parts(self.content))

    @property
    def learned(self) -> str:
        """The part of it that the loss counts."""
        content = self.content
        if isinstance(content, Chat):
            return "\n".join(m.content for m in content.messages if m.role == "assistant")
        if isinstance(content, Pair):
            return content.completion
        return content.middle if isinstance(content, Hole) else content.text


class FaultKind(StrEnum):
    """Why a row cannot be used."""

    DAMAGED = "damaged"
    NO_FORM = "no known form"
    WRONG_TYPE = "wrong type"
    EMPTY = "empty completion"
    ROLE = "unknown role"
    ORDER = "roles out of order"
    ENCODING = "bad encoding"
    TOO_LARGE = "line too long"


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be used: where, and why."""

    kind: FaultKind
    source: str
    line: int
    message: str


def _parts(content: Content) -> tuple[str, ...]:
    if isinstance(content, Chat):
        return tuple(message.content for message in content.messages)
    if isinstance(content, Pair):
        return content.prompt, content.completion
    if isinstance(content, Hole):
        return (content.prefix + content.middle + content.suffix,)
    return (content.text,)
