"""Rows as they stand in a row file, and the texts that ask for them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codelathe.core.language import LANGUAGES
from codelathe.training.repository.options import Kind

_TICKS = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True)
class Row:
    """A training row: `content` is one of the forms of a row file, `kind` what it is of."""

    kind: Kind
    content: Mapping[str, Any]

    @property
    def digest(self) -> bytes:
        """Equal for rows that say the same, wherever they come from."""
        text = json.dumps(self.content, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    def holds(self, text: str) -> bool:
        """Whether `text` stands anywhere in the row."""
        return text in json.dumps(self.content)

    def line(self, file: str, licence: str, time: str) -> bytes:
        """The row as a line of JSON, ASCII throughout; `time` is left out where it is empty."""
        told = {"id": f"{self.kind}-{self.digest.hex()[:16]}", "kind": self.kind}
        told |= {"file": file, "group": file, "licence": licence}
        if time:
            told["time"] = time
        return json.dumps({**self.content, **told}).encode("ascii") + b"\n"


@dataclass(frozen=True, slots=True)
class Function:
    """A documented function, cut out of its file.

    `context` is what it needs from around it (imports, constants), `classes` the headers of the
    classes around it, `header` its signature and documentation in the place where they stand;
    `code` is all of it without a margin, `bare` the same without the documentation, `doc` the
    documentation's text.
    """

    name: str
    language: str
    context: str
    classes: str
    header: str
    code: str
    bare: str
    doc: str


@dataclass(frozen=True, slots=True)
class Span:
    """A node of a syntax tree, as byte offsets into the file; `kind` is what it is."""

    kind: str
    start: int
    end: int


def function_rows(function: Function, kinds: tuple[Kind, ...]) -> Iterator[Row]:
    """Writing the function from its documentation, and the documentation from the function."""
    title = LANGUAGES[function.language].title
    if "write" in kinds:
        asked = f"Write the {title} function `{function.name}`. Answer with the whole function."
        header = "\n".join(filter(None, [function.classes, function.header]))
        shown = fenced("\n\n\n".join(filter(None, [function.context, header])), function.language)
        answer = fenced(function.code, function.language)
        yield Row("write", {"prompt": f"{asked}\n\n{shown}\n", "completion": answer})
    if "document" in kinds:
        asked = (
            f"Write the documentation of the {title} function `{function.name}`: what it does, "
            "takes and returns. Answer with its text alone."
        )
        shown = fenced(function.bare, function.language)
        yield Row("document", {"prompt": f"{asked}\n\n{shown}\n", "completion": function.doc})


def edit_row(message: str, before: str, after: str, language: str) -> Row:
    """A change as a commit describes it: the code before, and after."""
    messages = [
        {"role": "user", "content": f"{message}\n\n{fenced(before, language)}"},
        {"role": "assistant", "content": fenced(after, language)},
    ]
    return Row("edit", {"messages": messages})


def fenced(code: str, language: str) -> str:
    """`code` as a fenced block whose fence does not stand in the code."""
    longest = max(map(len, _TICKS.findall(code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code.strip(chr(10))}\n{fence}"
