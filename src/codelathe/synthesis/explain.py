"""Code explained in plain words, part by part, or as docstrings, in English or Korean.

What is asked and how answers are read is told in `codelathe.text.explaining`; here an
engine answers. Whether an explanation is right is not measured here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from codelathe.core.errors import UnsupportedArgument
from codelathe.core.generation import Completion, Engine, Message, Request, Sampling
from codelathe.text.docstrings import Docstring
from codelathe.text.explaining import (
    Ask,
    Note,
    Question,
    asks,
    is_said,
    told_docstring,
    told_prose,
)
from codelathe.text.passages import Passage

__all__ = ["Explanation", "Note", "Question", "explain", "explanation_document"]

Writing = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Explanation:
    """An explanation as text, and in its parts.

    `notes` has the parts of a line-by-line explanation, or of a summary in pieces;
    `docstrings` can be put in place by `codelathe.text.docstrings.write_docstrings`.
    """

    question: Question
    model: str
    text: str
    notes: tuple[Note, ...]
    docstrings: tuple[Docstring, ...]
    completions: tuple[Completion, ...]
    seconds: float


@dataclass(slots=True)
class _Reply:
    """The answer to one Ask as it grows."""

    ask: Ask
    prefilled: bool
    text: str = ""
    completion: Completion | None = None

    def finish(self, completion: Completion) -> None:
        """Take the whole answer; one cut for length ends with its last whole sentence."""
        self.completion, self.text = completion, completion.text
        if completion.finish_reason == "length":
            ends = list(re.finditer(r"[.!?。](?=\s|$)", self.text))
            self.text = self.text[: ends[-1].end()] if ends else self.text


def explain(question: Question, engine: Engine, writing: Writing | None = None) -> Explanation:
    """Explain code; `writing` is given the text so far, each time it has grown.

    Raises:
        ProblemError: the code is empty, lacks the lines, or (for docstrings) is no Python.
        UsageError: docstrings are asked for another language.
        EngineError: the model could not answer.
    """
    started = time.monotonic()
    replies = _ask(question, asks(question, engine.info.context_length), engine, writing)
    return Explanation(
        question=question,
        model=engine.info.model,
        text=_rendered(question, replies),
        notes=_notes(question, replies),
        docstrings=_docstrings(replies),
        completions=tuple(r.completion for r in replies if r.completion is not None),
        seconds=time.monotonic() - started,
    )


def explanation_document(explanation: Explanation) -> dict[str, Any]:
    """The form that the command line and the HTTP service share: plain JSON values only."""
    completions = explanation.completions
    costs = [completion.cost_usd for completion in completions]
    known = [cost for cost in costs if cost is not None]
    return {
        "explanation": explanation.text,
        "detail": explanation.question.detail,
        "to": explanation.question.to,
        "language": explanation.question.language,
        "model": explanation.model,
        "lines": [{"first": n.first, "last": n.last, "text": n.text} for n in explanation.notes],
        "docstrings": [
            {"name": d.name, "line": d.line, "text": d.text} for d in explanation.docstrings
        ],
        "usage": {
            "prompt_tokens": sum(c.prompt_tokens for c in completions),
            "completion_tokens": sum(c.completion_tokens for c in completions),
            "seconds": round(explanation.seconds, 3),
            "cost_usd": sum(known) if len(known) == len(costs) else None,
        },
    }


def _ask(
    question: Question,
    waiting: Sequence[Ask],
    engine: Engine,
    writing: Writing | None,
    temperature: float | None = 0.0,
) -> list[_Reply]:
    """The replies in the order of `waiting`, all of them asked for at once.

    A model that takes no temperature but its own is asked again without one.
    """
    can_prefill = "prefill" in engine.info.features
    replies = [_Reply(ask, can_prefill and bool(ask.prefill)) for ask in waiting]
    requests = [
        Request(
            messages=(Message("user", reply.ask.content),),
            prefill=reply.ask.prefill if reply.prefilled else "",
            sampling=Sampling(max_tokens=reply.ask.tokens, temperature=temperature),
        )
        for reply in replies
    ]

    def watch(index: int, choice: int, text: str) -> bool:  # noqa: ARG001  # one choice each
        reply = replies[index]
        reply.text = text
        if writing is not None:
            writing(_rendered(question, _shown(replies)))
        return is_said(reply.ask, text, reply.prefilled)

    try:
        if requests:
            with closing(engine.generate(requests, watch)) as completions:
                for completion in completions:
                    replies[completion.request].finish(completion)
    except UnsupportedArgument as refused:
        if refused.field != "temperature" or temperature is None:
            raise
        return _ask(question, waiting, engine, writing, temperature=None)
    return replies


def _shown(replies: Sequence[_Reply]) -> Sequence[_Reply]:
    """Up to the first reply that is not finished: batches write all of them at a time."""
    unfinished = (i for i, reply in enumerate(replies, 1) if reply.completion is None)
    return replies[: next(unfinished, len(replies))]


def _rendered(question: Question, replies: Sequence[_Reply]) -> str:
    if question.detail == "docstring":
        return "\n\n".join(f"{d.name} ({d.line}):\n{d.text}" for d in _docstrings(replies))
    if question.detail == "summary" and len(replies) == 1:
        return told_prose(replies[0].text)
    notes = _notes(question, replies)
    return "\n".join(f"{Passage(n.first, n.last)}: {n.text}" for n in notes)


def _notes(question: Question, replies: Sequence[_Reply]) -> tuple[Note, ...]:
    if question.detail == "docstring" or (question.detail == "summary" and len(replies) == 1):
        return ()
    told = [(reply.ask.about, told_prose(reply.text)) for reply in replies]
    return tuple(Note(about.first, about.last, text) for about, text in told if text)


def _docstrings(replies: Sequence[_Reply]) -> tuple[Docstring, ...]:
    found = []
    for reply in replies:
        definition = reply.ask.definition
        text = told_docstring(reply.text, reply.prefilled)
        if definition is not None and text:
            found.append(Docstring(definition.name, definition.line, text))
    return tuple(found)
