"""Requests for code: what a model is told about a problem, in as few tokens as will do.

The user's own words come first and unchanged; instructions follow in Korean where the
words are Korean, else in English. A prompt that brings a signature keeps it, in a fence.
There is no system message: some chat templates refuse one, and others have their own.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from codelathe.core.generation import Feature, Message, Request, Sampling
from codelathe.core.language import LANGUAGES
from codelathe.core.problem import CallExample, Example, Problem, StdioExample
from codelathe.text.doctests import doctest_examples
from codelathe.text.fences import fenced_blocks
from codelathe.text.signature import asked_name, prompt_code, stub, wants_several

#: Examples shown to the model; more cost prompt tokens and add little.
SHOWN_EXAMPLES = 4
_SHOWN_CHARACTERS = 400

_HANGUL = re.compile("[\uac00-\ud7a3]")
_SAYS_FUNCTION = re.compile(r"\bfunction\b|함수", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Words:
    """The instructions in one language."""

    complete: str
    function: str
    several: str
    program: str
    answer: str
    examples: str
    run: str


_ENGLISH = _Words(
    complete="Complete this {language} function.",
    function="Write it as one {language} function{name}.",
    several="Write it in {language}.",
    program="Write a whole {language} program that reads standard input and prints only "
    "the result.",
    answer="Answer with one code block: imports and code, no tests, no explanation.",
    examples="It must give:",
    run="Input:\n{input}\nOutput:\n{expected}",
)
_KOREAN = _Words(
    complete="이 {language} 함수를 완성하세요.",
    function="{language} 함수{name} 하나로 작성하세요.",
    several="{language} 언어로 작성하세요.",
    program="표준 입력을 읽어 결과만 출력하는 완전한 {language} 프로그램을 작성하세요.",
    answer="코드 블록 하나로만 답하세요: import와 코드만, 테스트와 설명은 빼세요.",
    examples="결과 예시:",
    run="입력:\n{input}\n출력:\n{expected}",
)


def solve_request(
    problem: Problem, sampling: Sampling, n: int = 1, features: Collection[Feature] = ()
) -> Request:
    """A chat request for a solution; its fence is opened where the engine can prefill."""
    words = _KOREAN if _HANGUL.search(problem.prompt) else _ENGLISH
    language = _title(problem.language)
    parts = [_task(problem, words, language), _examples(problem, words)]
    if problem.program:
        parts.append(words.program.format(language=language))
    elif wants_several(problem.prompt):
        parts.append(words.several.format(language=language))
    elif not _is_signature(problem) and not _says_it_all(problem, language):
        name = problem.entry_point or asked_name(problem.prompt)
        shown = f" `{name}`" if name else ""
        parts.append(words.function.format(language=language, name=shown))
    parts.append(words.answer)
    return Request(
        messages=(Message("user", "\n\n".join(filter(None, parts))),),
        prefill=f"```{problem.language}\n" if "prefill" in features else "",
        n=n,
        sampling=sampling,
    )


def completion_request(problem: Problem, sampling: Sampling, n: int = 1) -> Request:
    """A request for a base model: code to go on from, ending where the solution begins.

    A prompt with a signature is given as it is. Other prompts become a comment; for a
    function whose name is known its `def` is opened.
    """
    if _is_signature(problem):
        return Request(prompt=problem.prompt.rstrip() + "\n", n=n, sampling=sampling)
    sign = _COMMENT_SIGNS.get(problem.language, "//")
    lines = problem.prompt.strip().split("\n")
    lines += [f"{_call(problem, e)} == {e.expected}" for e in _shown(problem)]
    head = "".join(f"{sign} {line}".rstrip() + "\n" for line in lines)
    name = problem.entry_point or asked_name(problem.prompt)
    if problem.language == "python" and not problem.program:
        head += f"\ndef {name}(" if name.isidentifier() else "\ndef "
    return Request(prompt=head, n=n, sampling=sampling)


#: Languages whose comments do not begin with "//".
_COMMENT_SIGNS = {"python": "#", "ruby": "#", "bash": "#", "sql": "--"}


def _title(language: str) -> str:
    return LANGUAGES[language].title if language in LANGUAGES else language


def _says_it_all(problem: Problem, language: str) -> bool:
    """Whether the user's words already ask for a function, in this language, by its name."""
    prompt = problem.prompt
    known = language.lower() in prompt.lower() or (language == "Python" and "파이썬" in prompt)
    named = re.search(rf"(?<!\w){re.escape(problem.entry_point)}(?![A-Za-z0-9_])", prompt)
    return bool(known and named and _SAYS_FUNCTION.search(prompt))


def _is_signature(problem: Problem) -> bool:
    """Whether the prompt is a function to complete rather than words about one."""
    return problem.language == "python" and not problem.program and stub(problem.prompt) is not None


def _task(problem: Problem, words: _Words, language: str) -> str:
    """The user's words; code that they consist of or end with goes into a fence."""
    prompt = problem.prompt.strip("\n")
    if not _is_signature(problem) or fenced_blocks(prompt):
        return prompt
    code = prompt_code(prompt)
    said = prompt[: prompt.rindex(code)].strip() if code in prompt else ""
    return f"{said or words.complete.format(language=language)}\n\n```python\n{code}\n```"


def _examples(problem: Problem, words: _Words) -> str:
    """Those examples that the prompt does not show already."""
    told = {example.input for example in doctest_examples(problem.prompt, problem.entry_point)}
    shown = [example for example in _shown(problem) if example.input not in told]
    lines = []
    for example in shown:
        if isinstance(example, StdioExample):
            lines.append(words.run.format(input=example.input, expected=example.expected).rstrip())
        else:
            lines.append(f"{_call(problem, example)} == {example.expected}")
    return "\n".join([words.examples, *lines]) if lines else ""


def _shown(problem: Problem) -> list[Example]:
    """The first examples that are short enough to be read."""
    short = [e for e in problem.examples if len(e.input) + len(e.expected) <= _SHOWN_CHARACTERS]
    return short[:SHOWN_EXAMPLES]


def _call(problem: Problem, example: Example) -> str:
    if isinstance(example, CallExample):
        return f"{problem.entry_point or asked_name(problem.prompt) or 'f'}({example.input})"
    return example.input
