"""The first loop: one greedy candidate, then sampled ones until one is proved.

The engine and the judge are given. Candidates are judged while others are still being
written, and the first proved one ends the rest. A language without a judge, or a
problem without examples, gives code that is marked as not proved.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace

from codelathe.core.errors import LanguageError, ProblemError, UnsupportedArgument
from codelathe.core.generation import Completion, Engine, Request, Sampling
from codelathe.core.judging import Candidate, Case, Judge, Limits, Status
from codelathe.core.problem import CallExample, Problem
from codelathe.core.proof import Solution, prove, unproved
from codelathe.text.completeness import completion_watch
from codelathe.text.doctests import doctest_examples
from codelathe.text.extraction import extract_code
from codelathe.text.prompts import completion_request, solve_request
from codelathe.text.signature import find_entry_point

SAMPLED_TEMPERATURE = 0.8


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to try: `samples` drawn at `temperature` after the greedy candidate."""

    samples: int = 8
    max_tokens: int = 512
    temperature: float = SAMPLED_TEMPERATURE
    top_p: float = 0.95
    seed: int = 0
    limits: Limits = Limits()  # noqa: RUF009 (frozen)


@dataclass(frozen=True, slots=True)
class Listener:
    """What a caller may watch while a problem is solved; each part is optional.

    `writing(text)` gets the greedy answer as it grows; `trying(done, total)` is told when
    sampling begins and of each sampled candidate; `cancelled()` is asked after every token.
    """

    writing: Callable[[str], None] | None = None
    trying: Callable[[int, int], None] | None = None
    cancelled: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The best solution, and what finding it took.

    `completions` are all answers in the order they were finished, raw, as the model
    wrote them; `reason` says why a solution is not proved, empty where it is.
    """

    problem: Problem
    model: str
    solution: Solution
    completions: tuple[Completion, ...]
    seconds: float
    reason: str = ""


@dataclass(slots=True)
class _Search:
    """The state of one run of the loop. Identical candidates are judged once.

    `tempered` is false once the model has refused a temperature: it draws as it always does.
    """

    problem: Problem
    engine: Engine
    judge: Judge
    effort: Effort
    listener: Listener
    completions: list[Completion] = field(default_factory=list)
    solutions: dict[Candidate, Solution] = field(default_factory=dict)
    finished: threading.Event = field(default_factory=threading.Event)
    tempered: bool = True
    refusal: str = ""
    """Why the judge takes no case of this language, or none like this."""

    def request(self, n: int, temperature: float) -> Request:
        effort = self.effort
        if not self.tempered:  # all are drawn, also the first: none with the seed of another
            seed = effort.seed + len(self.completions)
            sampling = Sampling(effort.max_tokens, temperature=None, seed=seed)
        elif temperature:
            sampling = Sampling(effort.max_tokens, temperature, effort.top_p, effort.seed)
        else:
            sampling = Sampling(effort.max_tokens)
        features = self.engine.info.features
        if "messages" in features:
            return solve_request(self.problem, sampling, n, features)
        return completion_request(self.problem, sampling, n)

    def candidates(self, request: Request, *, stream: bool) -> Iterator[Candidate]:
        """The candidate of each completion of `request`, until `finished` is set."""
        listener = self.listener
        head = request.prefill or request.prompt
        complete = completion_watch(self.problem, bool(head), head=request.prompt)

        def watch(index: int, choice: int, text: str) -> bool:
            if stream and listener.writing:
                listener.writing(text)
            cancelled = listener.cancelled is not None and listener.cancelled()
            return cancelled or self.finished.is_set() or complete(index, choice, text)

        with closing(self.engine.generate([request], watch)) as completions:
            for completion in completions:
                self.completions.append(completion)
                if not self.finished.is_set():  # else it was cut short by another's proof
                    yield self.candidate(completion, head)

    def candidate(self, completion: Completion, head: str) -> Candidate:
        problem = self.problem
        code = extract_code(problem, completion.text, head)
        entry = "" if problem.program else find_entry_point(problem, code)
        return Candidate(code, problem.language, entry)

    def examine(self, candidate: Candidate) -> Solution:
        known = self.solutions.get(candidate)
        if known is None:
            known = self.solutions[candidate] = self._judge(candidate)
        if known.proof.proved:
            self.finished.set()
        return known

    def _judge(self, candidate: Candidate) -> Solution:
        case = Case(candidate, self.problem.examples, self.effort.limits)
        if not case.examples:
            return Solution(case, (), unproved(case))
        try:
            (verdicts,) = self.judge.judge([case])
        except LanguageError as e:
            self.refusal = f"{e.message} ({e.hint})" if e.hint else e.message
            return Solution(case, (), unproved(case))
        return Solution(
            case, verdicts, prove(case, verdicts, self.judge.name, self.judge.isolation)
        )


def solve(
    problem: Problem,
    engine: Engine,
    judge: Judge,
    effort: Effort = Effort(),
    listener: Listener = Listener(),
) -> Outcome:
    """Write code for `problem` and prove it by running it against the examples.

    Doctests in the prompt join the examples. One greedy candidate is tried first, then up
    to `effort.samples` sampled ones in a batch.

    Raises:
        ProblemError: the prompt is empty.
        EngineError: the model could not answer.
        IsolationError: there are examples and this machine cannot isolate code.
    """
    started = time.monotonic()
    search = _Search(prepare(problem), engine, judge, effort, listener)
    first = _try_first(search)
    judged = first.proof.level == "examples"
    if judged and not first.proof.proved and effort.samples and effort.temperature > 0:
        _try_samples(search)
    best = max(search.solutions.values(), key=lambda s: s.proof.passed)
    return Outcome(
        search.problem,
        engine.info.model,
        best,
        tuple(search.completions),
        time.monotonic() - started,
        _reason(search, best),
    )


def prepare(problem: Problem) -> Problem:
    """`problem` with the doctests of its prompt among its examples, and its prompt checked."""
    if not problem.prompt.strip():
        raise ProblemError(
            "the prompt is empty",
            hint="say what the code should do: lathe generate 'Reverse a string.'",
            field="prompt",
        )
    unreadable = next((c for c in problem.prompt if c == "\0" or "\ud800" <= c <= "\udfff"), None)
    if unreadable is not None:
        raise ProblemError(
            f"the prompt has the character U+{ord(unreadable):04X} at "
            f"{problem.prompt.index(unreadable)}, which is no text",
            hint="save it as UTF-8 without NUL bytes",
            field="prompt",
        )
    if problem.program or problem.language != "python":
        return problem
    given = {e.input for e in problem.examples if isinstance(e, CallExample)}
    found = (
        e for e in doctest_examples(problem.prompt, problem.entry_point) if e.input not in given
    )
    return replace(problem, examples=(*problem.examples, *found))


def _try_first(search: _Search) -> Solution:
    """The greedy candidate; of a model that takes no temperature, the one it draws."""
    try:
        (first,) = map(search.examine, search.candidates(search.request(1, 0.0), stream=True))
    except UnsupportedArgument as refused:
        if refused.field != "temperature" or not search.tempered:
            raise
        search.tempered = False
        return _try_first(search)
    return first


def _try_samples(search: _Search) -> None:
    """Sample in one batch; judged on a thread, so that no loop holds up the model."""
    total = search.effort.samples
    request = search.request(total, search.effort.temperature)
    tell = search.listener.trying or (lambda done, total: None)  # noqa: ARG005
    tell(0, total)
    with ThreadPoolExecutor(1, thread_name_prefix="judge") as pool:
        judged: list[Future[Solution]] = []
        try:
            for candidate in search.candidates(request, stream=False):
                judged.append(pool.submit(search.examine, candidate))
                tell(len(judged), total)
            for future in judged:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _reason(search: _Search, best: Solution) -> str:
    proof, problem = best.proof, search.problem
    if proof.proved:
        return ""
    if not best.case.candidate.code.strip():
        reason = "the model wrote no code"
    elif not problem.examples:
        reason = "there were no examples to run it against"
    elif proof.level == "none":
        reason = search.refusal
    elif all(v.status is Status.UNJUDGED for v in best.verdicts):
        reason = f"it could not be judged: {best.verdicts[0].detail}"
    else:
        reason = f"it fails {proof.total - proof.passed} of {proof.total} examples"
    cut = sum(c.finish_reason == "length" for c in search.completions)
    if cut:
        limit = search.effort.max_tokens
        reason += (
            f"; {cut} of {len(search.completions)} answers cut off at {limit} tokens: allow more"
        )
    return reason
