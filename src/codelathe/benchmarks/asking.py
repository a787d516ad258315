"""What a protocol makes of a task: the request, when its answer is over, and the code in it.

EvalPlus's, OctoPack's and MBPP's words are theirs to the letter, since scores are held against
theirs: EvalPlus 0.3 (`codegen.py`, `provider/`), bigcode-evaluation-harness
(`tasks/humanevalpack.py`) and Austin et al. 2021, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from codelathe.benchmarks.base import Benchmark, Task
from codelathe.benchmarks.protocols import Protocol
from codelathe.core.generation import Feature, Message, Request, Sampling
from codelathe.core.language import LANGUAGES
from codelathe.core.problem import Problem
from codelathe.text.braces import closing_brace
from codelathe.text.completeness import FunctionComplete
from codelathe.text.extraction import extract_code
from codelathe.text.prompts import completion_request, solve_request
from codelathe.text.truncation import CODEGEN

_INSTRUCTION = (
    "Please provide a self-contained Python script that solves the following problem in a "
    "markdown code block:"
)
_RESPONSE = (
    "Below is a Python script with a self-contained function that solves the problem and passes "
    "corresponding tests:"
)
_SHOT = (
    "You are an expert Python programmer, and here is your task: {text} Your code should pass "
    "these tests:\n\n{asserts}\n[BEGIN]\n"
)
_WHOLE = "Answer with one code block that holds the whole of it. It begins like this:"
_FENCE = "\n```"
_TOLD_LINE = 20
"""Lines of the solution longer than this are taken out of an explanation."""

Finished = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Asked:
    """A task put to a model.

    `head` is the code that the answer goes on from, and `opened` says that it begins inside
    of code. `opening` is what code is read after that has no head. `name` is what the function
    is called in it, where that is another name.
    """

    task: Task
    request: Request
    head: str = ""
    opened: bool = False
    opening: str = ""
    name: str = ""


def ask(protocol: Protocol, benchmark: Benchmark, task: Task, sampling: Sampling) -> Asked:
    """The first, for most protocols the only, request for a task."""
    sampling = replace(sampling, stop=protocol.stop)
    return _PROMPTS[protocol.prompt](protocol, benchmark, task, sampling)


def ask_again(protocol: Protocol, asked: Asked, answer: str) -> Asked:
    """The second request of a protocol of two steps: code from the explanation in `answer`."""
    task = asked.task
    told = _explanation(task, answer, protocol.stop)
    language = LANGUAGES[task.problem.language].title
    text = f"{told}\nWrite functional code in {language} according to the description."
    head = _renamed(_head(task), task, asked.name)
    sampling = replace(asked.request.sampling, stop=protocol.stop)
    return replace(_continued(protocol, task, text, head, sampling), name=asked.name)


def finished(protocol: Protocol, asked: Asked, *, step: int = 1) -> Finished:
    """Tells of an answer, each time it has grown, whether it is over."""
    problem = asked.task.problem
    if protocol.until == "stop" or step < protocol.steps:
        return lambda _: False
    if protocol.until == "codegen":
        return CODEGEN.ended
    if problem.language == "python":
        whole = FunctionComplete(_judged(protocol, asked), asked.opened)
        return lambda text: whole(asked.head + text)
    if not asked.head:
        return lambda _: False
    return lambda text: closing_brace(asked.head, text, problem.language) is not None


def read(protocol: Protocol, asked: Asked, text: str) -> str:
    """The code in a model's last answer."""
    if protocol.extraction == "all":
        return asked.head + (CODEGEN.cut(text) if protocol.until == "codegen" else text)
    problem = _judged(protocol, asked)
    if protocol.extraction == "completion" and asked.opened:
        text = text.partition(_FENCE)[0]
        if problem.language == "python":
            code = extract_code(problem, asked.head + text)
        else:
            code = asked.head + text[: closing_brace(asked.head, text, problem.language)]
    else:
        code = extract_code(problem, text, asked.opening)
        if protocol.extraction == "completion" and problem.language != "python":
            code = _with_head(asked.head, code, problem.entry_point)
    if asked.name:
        code = re.sub(rf"\b{asked.name}\b", asked.task.problem.entry_point, code)
    # The library that a problem of one's own brings stands before the code, unseen by the model.
    return asked.task.prefix + code if protocol.kinds == ("own",) and code else code


def _judged(protocol: Protocol, asked: Asked) -> Problem:
    """The problem for the readers of code: without its prompt, where that is not to add to it."""
    problem = asked.task.problem
    if protocol.extraction == "problem":
        return problem
    entry = asked.name or problem.entry_point
    return Problem("", id=problem.id, language=problem.language, entry_point=entry)


def _evalplus(protocol: Protocol, benchmark: Benchmark, task: Task, sampling: Sampling) -> Asked:
    prompt = _stripped(protocol, _docstring(benchmark, task)).removesuffix("\n")
    if not protocol.prefill:
        content = f"{_INSTRUCTION}\n```python\n{prompt}\n```"
        return Asked(task, _chat(content, "", sampling))
    content = f"{_INSTRUCTION}\n```\n{prompt}\n```\n"
    opening = f"{_RESPONSE}\n```python\n"
    return Asked(task, _chat(content, opening, sampling), opened=True, opening=opening)


def _plain(protocol: Protocol, benchmark: Benchmark, task: Task, sampling: Sampling) -> Asked:
    prompt = _stripped(protocol, _docstring(benchmark, task))
    return Asked(task, Request(prompt=prompt, sampling=sampling), head=prompt, opened=True)


def _shots(_: Protocol, benchmark: Benchmark, task: Task, sampling: Sampling) -> Asked:
    shown = [f"{_shot(t)}{_lines(t.canonical)}\n[DONE]\n\n" for t in benchmark.shots]
    prompt = "".join([*shown, _shot(task)])
    return Asked(task, Request(prompt=prompt, sampling=sampling), opened=True)


def _opened(protocol: Protocol, _: Benchmark, task: Task, sampling: Sampling) -> Asked:
    prompt = _stripped(protocol, task.problem.prompt)
    content = f"Complete this Python function.\n```python\n{prompt}```"
    if not protocol.prefill:
        return Asked(task, _chat(content, "", sampling))
    return Asked(task, _chat(content, f"```python\n{prompt}", sampling), prompt, opened=True)


def _pack(protocol: Protocol, benchmark: Benchmark, task: Task, sampling: Sampling) -> Asked:
    text = task.texts["instruction"].strip()
    if benchmark.kind == "fix":
        entry = task.problem.entry_point
        text = f"{task.texts['buggy']}\n{task.texts['test']}\nFix bugs in {entry}."
    return _continued(protocol, task, text, _head(task), sampling)


def _explain(_: Protocol, __: Benchmark, task: Task, sampling: Sampling) -> Asked:
    """The solution, under a name that says nothing, is to be described."""
    name = "Mystery" if task.problem.entry_point[:1].isupper() else "mystery"
    while name in task.canonical:
        name += "X"
    code = _renamed(task.canonical, task, name).strip()
    limit = len(task.texts["docstring"])
    content = (
        f"{code}\nProvide a concise natural language description of the code using at most "
        f"{limit} characters."
    )
    return Asked(task, _chat(content, "", replace(sampling, stop=())), name=name)


def _own(protocol: Protocol, _: Benchmark, task: Task, sampling: Sampling) -> Asked:
    if protocol.form == "chat":
        features: tuple[Feature, ...] = ("prefill",) if protocol.prefill else ()
        request = solve_request(task.problem, sampling, features=features)
        return Asked(task, request, opened=bool(request.prefill), opening=request.prefill)
    request = completion_request(task.problem, sampling)
    return Asked(task, request, head=request.prompt, opened=True, opening=request.prompt)


def _verbatim(protocol: Protocol, _: Benchmark, task: Task, sampling: Sampling) -> Asked:
    """The prompt and nothing else."""
    prompt = task.problem.prompt
    if protocol.form == "chat":
        return Asked(task, _chat(prompt, "", sampling))
    return Asked(task, Request(prompt=prompt, sampling=sampling))


_PROMPTS: dict[str, Callable[[Protocol, Benchmark, Task, Sampling], Asked]] = {
    "evalplus": _evalplus,
    "plain": _plain,
    "shots": _shots,
    "opened": _opened,
    "pack": _pack,
    "explain": _explain,
    "own": _own,
    "verbatim": _verbatim,
}


def _continued(protocol: Protocol, task: Task, text: str, head: str, sampling: Sampling) -> Asked:
    """Asked for code that goes on from `head`."""
    language = task.problem.language
    if protocol.form == "base":
        prompt = f"{text}\n\n{head}"
        return Asked(task, Request(prompt=prompt, sampling=sampling), head, opened=True)
    if protocol.prefill:
        return Asked(task, _chat(text, f"```{language}\n{head}", sampling), head, opened=True)
    content = f"{text}\n\n{_WHOLE}\n\n```{language}\n{head}```"
    return Asked(task, _chat(content, "", sampling), head)


def _chat(content: str, prefill: str, sampling: Sampling) -> Request:
    return Request(messages=(Message("user", content),), prefill=prefill, sampling=sampling)


def _docstring(benchmark: Benchmark, task: Task) -> str:
    """The prompt as EvalPlus has it: MBPP's words and first assert in a docstring."""
    if benchmark.kind != "words":
        return task.problem.prompt
    return f'"""\n{task.problem.prompt}\n{task.texts["first assert"]}\n"""\n'


def _stripped(protocol: Protocol, prompt: str) -> str:
    return prompt.strip() + "\n" if protocol.strip else prompt


def _shot(task: Task) -> str:
    return _SHOT.format(text=task.problem.prompt, asserts=_lines(task.texts["asserts"]))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _head(task: Task) -> str:
    return task.prefix.strip("\n").rstrip() + "\n"


def _renamed(code: str, task: Task, name: str) -> str:
    return re.sub(rf"\b{re.escape(task.problem.entry_point)}\b", name, code)


def _explanation(task: Task, answer: str, stop: Sequence[str]) -> str:
    """An explanation as long as may be, without lines of the solution copied into it."""
    text = answer.strip()[: len(task.texts["docstring"])]
    for end in stop:
        text = text.partition(end)[0]
    for line in map(str.strip, task.canonical.split("\n")):
        if len(line) > _TOLD_LINE:
            text = text.replace(line, "")
    return text.strip()


def _with_head(head: str, code: str, entry: str) -> str:
    """A whole answer after those lines of the head, such as imports, that it lacks."""
    has = {line.strip() for line in code.split("\n")}
    missing = [
        line
        for line in head.split("\n")
        if line.strip() and line.strip() not in has and not re.search(rf"\b{entry}\b", line)
    ]
    return "\n".join([*missing, code])
