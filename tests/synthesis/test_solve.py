from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from itertools import pairwise

import pytest

from codelathe.core.errors import InputError, ProblemError, UnsupportedArgument
from codelathe.core.generation import Completion, Request, Sampling, Watch
from codelathe.core.problem import Problem
from codelathe.engines.scripted import ScriptedEngine
from codelathe.judge import SandboxJudge
from codelathe.synthesis.replay import replay
from codelathe.synthesis.report import outcome_document
from codelathe.synthesis.solve import Effort, Listener, Outcome, solve
from codelathe.text.examples import parse_examples

RIGHT = "```python\ndef rev(s):\n    return s[::-1]\n```"
WRONG = "```python\ndef rev(s):\n    return s\n```"
HALF = "```python\ndef rev(s):\n    return s[::-1] if s else 'x'\n```"
LOOP = "```python\ndef rev(s):\n    while True: pass\n```"


@pytest.fixture(scope="module")
def judge() -> Iterator[SandboxJudge]:
    with SandboxJudge(slots=1) as opened:
        yield opened


def reverse(*pairs: tuple[str, str], **options: object) -> Problem:
    inputs, outputs = zip(*pairs, strict=True) if pairs else ((), ())
    examples = parse_examples(inputs, outputs)
    return Problem("Write a function to reverse a string.", examples=examples, **options)  # type: ignore[arg-type]


PROBLEM = reverse(("'ab'", "'ba'"), ("''", "''"), ("'abc'", "'cba'"))


class Undistracted(ScriptedEngine):
    """Takes no temperature but its own, as reasoning models do; notes what it was asked."""

    def __init__(self, *answers: str, refuses: str = "temperature") -> None:
        super().__init__(answers)
        self.refuses = refuses
        self.asked: list[Sampling] = []

    def generate(
        self, requests: Sequence[Request], watch: Watch | None = None
    ) -> Generator[Completion]:
        self.asked += [request.sampling for request in requests]
        if any(request.sampling.temperature is not None for request in requests):
            raise UnsupportedArgument("only the default", field=self.refuses)
        return super().generate(requests, watch)


def run(
    judge: SandboxJudge, *answers: str, problem: Problem = PROBLEM, samples: int = 4
) -> Outcome:
    return solve(problem, ScriptedEngine(answers), judge, Effort(samples=samples))


def test_a_right_greedy_answer_is_proved_and_ends_the_search(judge: SandboxJudge) -> None:
    outcome = run(judge, RIGHT)
    assert outcome.solution.proof.proved
    assert outcome.solution.case.candidate.code == "def rev(s):\n    return s[::-1]"
    assert len(outcome.completions) == 1
    assert outcome.reason == ""


def test_a_sampled_candidate_is_taken_where_the_greedy_one_fails(judge: SandboxJudge) -> None:
    outcome = run(judge, WRONG, WRONG, RIGHT, WRONG, WRONG)
    assert outcome.solution.proof.proved
    assert outcome.solution.proof.passed == 3


def test_where_nothing_is_proved_the_best_candidate_and_what_failed_come_back(
    judge: SandboxJudge,
) -> None:
    outcome = run(judge, WRONG, WRONG, HALF, WRONG, WRONG)
    assert not outcome.solution.proof.proved
    assert "if s else" in outcome.solution.case.candidate.code
    failed = outcome.solution.verdicts[1]
    assert (failed.input, failed.expected, failed.got) == ("''", "''", "'x'")
    assert outcome.reason == "it fails 1 of 3 examples"
    assert len(outcome.completions) == 5


def test_a_model_that_takes_no_temperature_answers_with_its_own(judge: SandboxJudge) -> None:
    engine = Undistracted(WRONG, WRONG, RIGHT)
    outcome = solve(PROBLEM, engine, judge, Effort(samples=2, seed=7))
    assert outcome.solution.proof.proved
    asked = [(s.temperature, s.top_p, s.seed) for s in engine.asked]
    assert asked == [(0.0, 1.0, 0), (None, 1.0, 7), (None, 1.0, 8)]


def test_another_refused_argument_ends_the_search(judge: SandboxJudge) -> None:
    engine = Undistracted(RIGHT, refuses="stop")
    with pytest.raises(UnsupportedArgument):
        solve(PROBLEM, engine, judge)
    assert len(engine.asked) == 1


def test_no_sample_is_drawn_where_none_is_wanted(judge: SandboxJudge) -> None:
    assert len(run(judge, WRONG, samples=0).completions) == 1


def test_without_examples_code_is_given_and_marked_as_not_proved(judge: SandboxJudge) -> None:
    outcome = run(judge, RIGHT, problem=reverse())
    assert outcome.solution.proof.level == "none"
    assert not outcome.solution.proof.proved
    assert "no examples" in outcome.reason


def test_a_language_without_a_judge_gives_code_that_is_not_proved(judge: SandboxJudge) -> None:
    outcome = run(
        judge,
        "```kotlin\nfun rev(s: String) = s.reversed()\n```",
        problem=reverse(("'ab'", "'ba'"), language="kotlin"),
    )
    assert outcome.solution.case.candidate.code == "fun rev(s: String) = s.reversed()"
    assert outcome.solution.proof.level == "none"
    assert "kotlin" in outcome.reason


def test_doctests_of_the_prompt_are_run_too(judge: SandboxJudge) -> None:
    prompt = "def rev(s):\n    '''Reverse s.\n    >>> rev('ab')\n    'ba'\n    '''\n"
    outcome = run(judge, RIGHT, problem=Problem(prompt))
    assert (outcome.solution.proof.passed, outcome.solution.proof.total) == (1, 1)


def test_a_program_is_run_with_standard_input(judge: SandboxJudge) -> None:
    problem = Problem(
        "Sum the integers.", program=True, examples=parse_examples(["1 2 3"], ["6"], program=True)
    )
    outcome = run(judge, "```python\nprint(sum(map(int, input().split())))\n```", problem=problem)
    assert outcome.solution.proof.proved


@pytest.mark.parametrize("prompt", ["", " \n\t"])
def test_an_empty_prompt_is_refused_before_any_work(judge: SandboxJudge, prompt: str) -> None:
    with pytest.raises(ProblemError, match="empty"):
        run(judge, problem=Problem(prompt))


@pytest.mark.parametrize("prompt", ["a\0b", "a\ud800b"])
def test_a_prompt_that_no_model_can_read_is_refused(judge: SandboxJudge, prompt: str) -> None:
    with pytest.raises(ProblemError, match="character"):
        run(judge, problem=Problem(prompt))


def test_a_looping_candidate_does_not_stop_the_search(judge: SandboxJudge) -> None:
    problem = reverse(("'ab'", "'ba'"))
    outcome = run(judge, WRONG, LOOP, RIGHT, problem=problem, samples=2)
    assert outcome.solution.proof.proved


def test_the_listener_sees_the_answer_grow(judge: SandboxJudge) -> None:
    seen: list[str] = []
    solve(PROBLEM, ScriptedEngine([RIGHT]), judge, Effort(samples=0), Listener(writing=seen.append))
    assert len(seen) > 1
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))


def test_a_cancelled_search_ends_the_answer(judge: SandboxJudge) -> None:
    listener = Listener(cancelled=lambda: True)
    outcome = solve(PROBLEM, ScriptedEngine([RIGHT]), judge, Effort(samples=0), listener)
    assert len(outcome.completions[0].text) < len(RIGHT)


def test_the_document_has_the_fixed_form(judge: SandboxJudge) -> None:
    document = outcome_document(run(judge, RIGHT))
    assert document["generated_code"] == "def rev(s):\n    return s[::-1]"
    assert document["language"] == "python"
    assert document["candidates"] == 1
    assert set(document["proof"]) >= {
        "proved", "passed", "total", "level", "isolation", "judge", "hash",
    }  # fmt: skip
    assert document["verdicts"][0].items() >= {
        "input": "'ab'", "expected": "'ba'", "status": "passed",
    }.items()  # fmt: skip
    assert set(document["usage"]) == {"prompt_tokens", "completion_tokens", "seconds", "cost_usd"}


def test_a_document_replays_to_the_same_proof(judge: SandboxJudge) -> None:
    document = outcome_document(run(judge, RIGHT))
    again = replay(document, judge)
    assert again.agrees
    assert again.solution.proof.proved


def test_a_document_whose_code_was_changed_does_not_replay(judge: SandboxJudge) -> None:
    document = outcome_document(run(judge, RIGHT))
    document["generated_code"] = "def rev(s):\n    return s"
    again = replay(document, judge)
    assert not again.agrees
    assert not again.solution.proof.proved


@pytest.mark.parametrize("missing", ["proof", "limits", "generated_code", "verdicts"])
def test_a_document_without_a_part_of_the_proof_is_refused(
    judge: SandboxJudge, missing: str
) -> None:
    document = outcome_document(run(judge, RIGHT))
    del document[missing]
    with pytest.raises(ProblemError, match=missing):
        replay(document, judge)


def test_an_answer_that_was_cut_off_is_told_in_the_reason(judge: SandboxJudge) -> None:
    long = "```python\ndef rev(s):\n" + "    s = s + s\n" * 50
    outcome = solve(PROBLEM, ScriptedEngine([long]), judge, Effort(samples=0, max_tokens=20))
    assert outcome.reason.endswith("1 of 1 answers cut off at 20 tokens: allow more")


def test_an_answer_without_code_is_told_in_the_reason(judge: SandboxJudge) -> None:
    outcome = solve(reverse(), ScriptedEngine([""]), judge, Effort(samples=0))
    assert outcome.reason == "the model wrote no code"


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1, "many", None])
def test_a_document_with_limits_that_make_no_sense_is_refused(
    judge: SandboxJudge, value: object
) -> None:
    document = outcome_document(run(judge, RIGHT))
    document["limits"]["memory_mb"] = value
    with pytest.raises(InputError):
        replay(document, judge)


def test_the_listener_is_told_that_sampling_begins_before_the_first_sample_is_there(
    judge: SandboxJudge,
) -> None:
    told: list[tuple[int, int]] = []
    listener = Listener(trying=lambda done, total: told.append((done, total)))
    solve(PROBLEM, ScriptedEngine([WRONG, WRONG, WRONG]), judge, Effort(samples=2), listener)
    assert told == [(0, 2), (1, 2), (2, 2)]
