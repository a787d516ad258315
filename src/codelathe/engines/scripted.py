"""The engine that answers from a script: for tests, demonstrations and pipelines.

A script is a JSON Lines file, one answer a line:

    {"text": "def f(x):\\n    return x"}
    {"text": "역순", "match": "revers|뒤집", "repeat": true}
    {"text": "def f(", "error": "RemoteTimeout", "message": "no answer in 60 s"}

For each answer that is asked for, the first line not used up whose `match` (a regular
expression, searched in the prompt; absent: any prompt) fits is taken; `repeat` lines are
never used up. A line with `error` writes its text and then fails with that class of
`codelathe.core.errors`. Answers grow token by token before the watch, and stop strings
and the token limit cut them as they cut a model's.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import codelathe.core.errors as errors
from codelathe.core.errors import EngineError, LatheError, ModelFileError
from codelathe.core.generation import (
    Completion,
    EngineInfo,
    FinishReason,
    Request,
    Watch,
    refuse_unsupported,
)
from codelathe.engines._answer import Answer

_TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


@dataclass(frozen=True, slots=True)
class ScriptedAnswer:
    """One line of a script. Token counts are taken from the text where they are not given."""

    text: str = ""
    match: str = ""
    repeat: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = 0.0
    error: LatheError | None = None


class ScriptedEngine:
    """Hands out prepared answers; the same script gives the same completions."""

    def __init__(
        self, answers: Sequence[ScriptedAnswer | str | LatheError], model: str = "scripted"
    ) -> None:
        self._left = [_answer(a) for a in answers]
        self._given = 0
        self._lock = threading.Lock()
        self._info = EngineInfo("scripted", model, "1", context_length=None)

    @classmethod
    def from_file(cls, path: Path | str) -> ScriptedEngine:
        """The engine of the script at `path`.

        Raises:
            ModelFileError: the file cannot be read, or a line is not an answer (says which).
        """
        path = Path(path)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise ModelFileError(f"cannot read the script {path}: {why}") from None
        answers = [
            _parse(line, path, number) for number, line in enumerate(lines, 1) if line.strip()
        ]
        return cls(answers, model=path.name)

    @property
    def info(self) -> EngineInfo:
        """A script stands for whatever a model would say, so it honours every argument."""
        return self._info

    def generate(
        self, requests: Sequence[Request], watch: Watch | None = None
    ) -> Generator[Completion]:
        """Yield the answers in order, one after the other.

        Raises:
            EngineError: the script has no answer left that fits.
            LatheError: the answer's own `error`.
        """
        refuse_unsupported(self._info, requests)
        return self._generate(requests, watch)

    def close(self) -> None:
        """Nothing to free."""

    def _generate(self, requests: Sequence[Request], watch: Watch | None) -> Generator[Completion]:
        for index, request in enumerate(requests):
            for choice in range(request.n):
                yield self._complete(index, choice, request, watch)

    def _complete(
        self, index: int, choice: int, request: Request, watch: Watch | None
    ) -> Completion:
        started = time.perf_counter()
        prompt = request.prompt or "\n".join(m.content for m in request.messages)
        answer = self._take(prompt)
        growing, written = Answer(request.sampling.stop), 0
        reason: FinishReason = "stop"
        for token in _TOKEN.findall(answer.text):
            if written == request.sampling.max_tokens:
                reason = "length"
                break
            written += 1
            growing.add(token)
            if watch is not None and watch(index, choice, growing.text):
                reason = "watch"
                break
            if growing.stopped:
                break
        if answer.error is not None:
            raise answer.error
        if reason != "watch" and growing.add("", last=True) and watch is not None:
            watch(index, choice, growing.text)
        return Completion(
            request=index,
            choice=choice,
            text=growing.text,
            prompt_tokens=_or(answer.prompt_tokens, len(_TOKEN.findall(prompt))),
            completion_tokens=written
            if answer.completion_tokens is None
            else answer.completion_tokens,
            seconds=time.perf_counter() - started,
            finish_reason=reason,
            seed=request.sampling.seed + choice,
            model=self._info.model,
            cost_usd=answer.cost_usd,
            engine=self._info.name,
        )

    def _take(self, prompt: str) -> ScriptedAnswer:
        with self._lock:
            for position, answer in enumerate(self._left):
                if re.search(answer.match, prompt):
                    self._given += 1
                    return answer if answer.repeat else self._left.pop(position)
            raise EngineError(
                f"the script {self._info.model!r} has no answer left for this prompt: "
                f"{self._given} given, {len(self._left)} left that match other prompts",
                hint="add a line to the script, or let one match more",
            )


def _answer(answer: ScriptedAnswer | str | LatheError) -> ScriptedAnswer:
    if isinstance(answer, str):
        return ScriptedAnswer(answer)
    return ScriptedAnswer(error=answer) if isinstance(answer, LatheError) else answer


def _or(given: int | None, counted: int) -> int:
    return counted if given is None else given


_FIELDS: dict[str, tuple[type, ...]] = {
    "text": (str,), "match": (str,), "repeat": (bool,), "prompt_tokens": (int,),
    "completion_tokens": (int,), "cost_usd": (int, float, type(None)), "error": (str,),
    "message": (str,),
}  # fmt: skip


def _parse(line: str, path: Path, number: int) -> ScriptedAnswer:
    def bad(why: str) -> ModelFileError:
        return ModelFileError(
            f"{path}, line {number}: {why}",
            hint='a line looks like {"text": "...", "match": "..."}',
        )

    try:
        document = json.loads(line)
    except ValueError as error:
        raise bad(f"not JSON ({error})") from None
    if not isinstance(document, dict) or not ("text" in document or "error" in document):
        raise bad("neither a text nor an error")
    for name, value in document.items():
        if name not in _FIELDS:
            raise bad(f"unknown field {name!r}")
        if not isinstance(value, _FIELDS[name]):
            raise bad(f"{name!r} cannot be {value!r}")
    try:
        re.compile(document.get("match", ""))
    except re.error as error:
        raise bad(f"'match' is not a regular expression: {error}") from None
    return _from_document(document, bad)


def _from_document(
    document: dict[str, Any], bad: Callable[[str], ModelFileError]
) -> ScriptedAnswer:
    message = document.pop("message", "the script says so")
    name = document.pop("error", None)
    if name is None:
        return ScriptedAnswer(**document)
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, LatheError)):
        raise bad(f"no error is called {name!r}")
    try:
        return ScriptedAnswer(**document, error=kind(message))
    except TypeError:
        raise bad(f"the error {name!r} is not made from a message alone") from None
