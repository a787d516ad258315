"""What a model is asked so that it explains code, and how its answers are read.

Which lines a remark is about is never left to the model: the code is cut into parts
here and the parts are shown one by one, so that a remark belongs to its part. Code
longer than a request should be is asked about in pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from codelathe.core.errors import ProblemError, UsageError
from codelathe.core.language import LANGUAGES
from codelathe.text.docstrings import Definition, definitions, plain_text
from codelathe.text.fences import fenced_blocks
from codelathe.text.passages import Passage, check_lines, parts, pieces, split_lines

Detail = Literal["summary", "lines", "docstring"]
Tongue = Literal["en", "ko"]

#: The most code in one request, in characters: about 1,500 tokens, some seconds to read.
PIECE = 5000
#: The most code shown around a part of it.
_AROUND = 2000
#: Tokens of an answer to one thing asked. Korean takes about twice as many as English.
_TOKENS = {"summary": 220, "part": 70, "docstring": 200}
_KOREAN_FACTOR = 2
_QUOTES = '"""'
_BLANK_LINES = re.compile(r"\n[ \t]*\n")
_EMPTY_SECTION = re.compile(
    r"^\s*(?:Args|Arguments|Parameters|Returns?):\s*(?:\n[ \t]+)?(?:None|없음)\.?[ \t]*$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be explained and how.

    `lines` restricts it to some lines; for docstrings, to functions and classes that
    begin there, which then get new ones even if they have some. `name` is what errors
    call the code.
    """

    code: str
    detail: Detail = "summary"
    to: Tongue = "en"
    language: str = "python"
    lines: Passage | None = None
    name: str = "the code"


@dataclass(frozen=True, slots=True)
class Note:
    """What lines `first` to `last` do. Lines count from 1."""

    first: int
    last: int
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing to ask: the message, how its answer begins, and the most tokens it takes.

    `about` is the passage that it is about, `definition` the function or class, if it
    asks for the docstring of one.
    """

    content: str
    prefill: str
    tokens: int
    about: Passage
    definition: Definition | None = None


@dataclass(frozen=True, slots=True)
class _Words:
    """What the model is told, in one language."""

    summary: str
    piece: str
    part: str
    function: str
    class_: str


_WORDS: dict[Tongue, _Words] = {
    "en": _Words(
        summary="Explain in at most five plain sentences what this {language} code is for and "
        "how it works: one paragraph, no code, no list.",
        piece="Say in at most two plain sentences what this part of a {language} file does: "
        "no code, no list.",
        part="Explain to a learner, in one short sentence, what these lines of it do. No code.",
        function="Write the docstring of the function `{name}`: what it does in one line; then, "
        "only if it takes or returns something, `Args:` and `Returns:`. "
        "Answer with the docstring alone.",
        class_="Write the docstring of the class `{name}`: what it is for, in one or two "
        "sentences. Answer with the docstring alone.",
    ),
    "ko": _Words(
        summary="이 {language} 코드가 무엇을 위한 것이고 어떻게 동작하는지 쉬운 한국어로 다섯 "
        "문장 이내의 한 문단으로 설명하세요. 코드와 목록은 쓰지 마세요.",
        piece="{language} 파일의 이 부분이 하는 일을 쉬운 한국어로 두 문장 이내로 설명하세요. "
        "코드와 목록은 쓰지 마세요.",
        part="이 코드 가운데 다음 줄이 하는 일을 초보자에게 짧은 한국어 한 문장으로 설명하세요. "
        "코드는 쓰지 마세요.",
        function="함수 `{name}`의 독스트링을 반드시 한국어로 쓰세요: 하는 일을 한 줄로 쓰고, "
        "받거나 돌려주는 것이 있을 때만 `Args:`와 `Returns:` 항목을 덧붙이세요. "
        "독스트링만 답하세요.",
        class_="클래스 `{name}`의 독스트링을 반드시 한국어로 쓰세요: 무엇을 위한 것인지 한두 "
        "문장으로 쓰세요. 독스트링만 답하세요.",
    ),
}


def asks(question: Question, context_length: int | None = None) -> list[Ask]:
    """All that has to be asked; empty if every function already has its docstring.

    Raises:
        ProblemError: the code is empty, lacks the lines, or (for docstrings) is no Python.
        UsageError: docstrings are asked for another language.
    """
    _check(question)
    limit = _AROUND if question.detail == "lines" else PIECE
    if context_length is not None:
        # A third of the context, at two characters a token.
        limit = max(400, min(limit, context_length * 2 // 3))
    if question.detail == "docstring":
        return list(_docstring_asks(question, limit))
    chosen = _chosen(question)
    text = "\n".join(split_lines(question.code)[chosen.first - 1 : chosen.last])
    by = chosen.first - 1
    found = [Passage(p.first + by, p.last + by) for p in pieces(text, question.language, limit)]
    if question.detail == "lines":
        return [ask for piece in found for ask in _part_asks(question, piece)]
    words = _WORDS[question.to]
    told = (words.summary if len(found) == 1 else words.piece).format(language=_title(question))
    return [
        Ask(f"{_fenced(question, p)}\n\n{told}", "", _tokens(question, "summary"), p) for p in found
    ]


def is_said(ask: Ask, text: str, prefilled: bool) -> bool:
    """Whether `text`, the answer so far, holds all that was asked for."""
    if ask.definition is not None:
        return _QUOTES in (text if prefilled else text.partition(_QUOTES)[2])
    said = told_prose(text)
    return bool(said) and told_prose(f"{text}x") == said  # what follows is no longer heard


def told_docstring(text: str, prefilled: bool) -> str:
    """A docstring's text, without quotes, fence, or the function written over again."""
    text = (_QUOTES if prefilled else "") + text
    blocks = [block.code for block in fenced_blocks(text) if block.code.strip()]
    text = blocks[0] if blocks else text
    for quotes in (_QUOTES, "'''"):
        if quotes in text:
            text = text.split(quotes)[1]
            break
    return _EMPTY_SECTION.sub("", plain_text(text.strip().strip("`"))).strip()


def told_prose(text: str) -> str:
    """The paragraph that answers, without a fence, quotes, or an announcement before it."""
    text = text.strip()
    blocks = fenced_blocks(text)
    if text.startswith("```") and len(blocks) == 1:
        text = blocks[0].code.strip()
    paragraphs = [" ".join(p.split()) for p in _BLANK_LINES.split(text) if p.strip()]
    telling = [p for p in paragraphs if not p.endswith((":", "："))] or paragraphs
    said = telling[0] if telling else ""
    if len(said) > 1 and said[0] == said[-1] and said[0] in "\"'":
        said = said[1:-1].strip()
    return said


def _check(question: Question) -> None:
    if not question.code.strip():
        raise ProblemError(f"{question.name} is empty: there is nothing to explain", field="code")
    if "\0" in question.code:
        raise ProblemError(f"{question.name} is no text: it holds NUL bytes", field="code")
    if question.lines is not None:
        check_lines(question.code, question.lines, question.name)
    if question.detail == "docstring" and question.language != "python":
        raise UsageError(
            f"docstrings are written for Python, not for {_title(question)}",
            hint="--detail summary and --detail lines take every language",
            field="detail",
        )


def _title(question: Question) -> str:
    language = LANGUAGES.get(question.language)
    return language.title if language else question.language


def _tokens(question: Question, kind: str) -> int:
    return _TOKENS[kind] * (_KOREAN_FACTOR if question.to == "ko" else 1)


def _chosen(question: Question) -> Passage:
    """The lines asked for, less the blank ones around them.

    Raises:
        ProblemError: all of them are blank.
    """
    lines = split_lines(question.code)
    asked = question.lines or Passage(1, len(lines))
    filled = [n for n in range(asked.first, asked.last + 1) if lines[n - 1].strip()]
    if not filled:
        raise ProblemError(f"lines {asked} of {question.name} are blank", field="lines")
    return Passage(filled[0], filled[-1])


def _part_asks(question: Question, piece: Passage) -> Iterator[Ask]:
    """One question for each part of a piece, the piece first: engines cache what is common."""
    found = [
        Passage(max(part.first, piece.first), min(part.last, piece.last))
        for part in parts(question.code, question.language)
        if part.first <= piece.last and part.last >= piece.first
    ] or [piece]  # lines that no statement touches: comments
    told = _WORDS[question.to].part
    tokens = _tokens(question, "part")
    for part in found:
        content = f"{_fenced(question, piece)}\n\n{told}\n\n{_fenced(question, part)}"
        yield Ask(content, "", tokens, part)


def _docstring_asks(question: Question, limit: int) -> Iterator[Ask]:
    words = _WORDS[question.to]
    found = definitions(question.code)
    if question.lines and not any(_begins_in(question.lines, d) for d in found):
        raise ProblemError(
            f"no function or class begins in lines {question.lines} of {question.name}",
            hint="choose the line of its def or class",
            field="lines",
        )
    for definition in found:
        chosen = question.lines and _begins_in(question.lines, definition)
        if not chosen and (question.lines or definition.documented):
            continue
        told = words.class_ if definition.kind == "class" else words.function
        shown = Passage(definition.first, definition.last)
        content = f"{_fenced(question, shown, limit)}\n\n{told.format(name=definition.name)}"
        tokens = _tokens(question, "docstring")
        yield Ask(content, _QUOTES, tokens, shown, definition)


def _begins_in(lines: Passage, definition: Definition) -> bool:
    return lines.first <= definition.line <= lines.last


def _fenced(question: Question, passage: Passage, limit: int | None = None) -> str:
    """The lines of `passage` in a fence, without their common margin; at most `limit` of it."""
    lines = split_lines(question.code)[passage.first - 1 : passage.last]
    margins = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    margin = min(margins, default=0)
    text = "\n".join(line[margin:].rstrip() for line in lines)
    if limit is not None and len(text) > limit:
        text = f"{text[:limit].rpartition(chr(10))[0] or text[:limit]}\n..."
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{question.language}\n{text}\n{fence}"
