"""What every judge promises, checked on each of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from codelathe.core.errors import IsolationError, LanguageError
from codelathe.core.judging import Candidate, Case, Judge, Limits, Status
from codelathe.core.problem import CallExample, StdioExample
from codelathe.judge import SandboxJudge, isolation_report

MAKERS: dict[str, Callable[[], Judge]] = {
    "sandbox": SandboxJudge,
    "sandbox with one slot": lambda: SandboxJudge(slots=1),
    "sandbox of tier A-": lambda: SandboxJudge(tier="A-"),
    "sandbox of tier B": lambda: SandboxJudge(tier="B"),
}
PATIENT = Limits(seconds=20.0)


@pytest.fixture(scope="module", params=MAKERS)
def judge(request: pytest.FixtureRequest) -> Iterator[Judge]:
    judge = MAKERS[request.param]()
    try:
        judge.isolation  # noqa: B018 -- reading it finds out
    except IsolationError as error:
        pytest.skip(error.message)
    yield judge
    judge.close()


def case(code: str, *values: Any, limits: Limits = PATIENT) -> Case:
    examples = tuple(CallExample(str(i), repr(v), (i,), v) for i, v in enumerate(values))
    return Case(Candidate(code, entry_point="f"), examples, limits)


DOUBLE = "def f(x):\n    return 2 * x"


def test_right_answers_pass(judge: Judge) -> None:
    (verdicts,) = judge.judge([case(DOUBLE, 0, 2, 4)])
    assert [v.status for v in verdicts] == [Status.PASSED] * 3


def test_wrong_answers_fail(judge: Judge) -> None:
    (verdicts,) = judge.judge([case(DOUBLE, 0, 3)])
    assert [v.status for v in verdicts] == [Status.PASSED, Status.FAILED]


def test_a_verdict_tells_the_example_and_what_came_back(judge: Judge) -> None:
    ((verdict,),) = judge.judge([case(DOUBLE, 1)])
    assert (verdict.input, verdict.expected, verdict.got) == ("0", "1", "0")


def test_a_program_is_judged_by_what_it_prints(judge: Judge) -> None:
    examples = (StdioExample("1 2\n", "3\n"), StdioExample("1 2\n", "4\n"))
    code = "print(sum(map(int, input().split())))"
    (verdicts,) = judge.judge([Case(Candidate(code), examples, PATIENT)])
    assert [v.status for v in verdicts] == [Status.PASSED, Status.FAILED]


def test_verdicts_come_in_the_order_of_the_cases(judge: Judge) -> None:
    cases = [case(f"def f(x):\n    return {i}", i) for i in range(30)]
    assert [v.got for (v,) in judge.judge(cases)] == [str(i) for i in range(30)]


def test_a_case_without_examples_has_no_verdicts(judge: Judge) -> None:
    assert next(iter(judge.judge([case(DOUBLE), case(DOUBLE, 0)]))) == ()


def test_no_cases_have_no_answers(judge: Judge) -> None:
    assert list(judge.judge([])) == []


def test_cases_are_consumed_lazily(judge: Judge) -> None:
    answers = judge.judge(case(DOUBLE, 0) for _ in itertools.count())
    assert next(answers)[0].status is Status.PASSED


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("def f(x):\n    return 1 // x", Status.ERROR),
        ("def f(x:", Status.ERROR),
        ("g = 1", Status.ERROR),
        ("def f(x):\n    while True: pass", Status.TIMEOUT),
        ("def f(x):\n    return bytearray(1 << 40)", Status.MEMORY),
        ("def f(x):\n    while True: print('x' * 1000)", Status.OUTPUT),
        ("import os\ndef f(x):\n    os._exit(0)", Status.LEFT),
        ("import os\ndef f(x):\n    os.write(3, b'xxxxxxxx')", Status.TAMPERED),
        ("def f(x):\n    return type('Y', (), {'__eq__': lambda s, o: True})()", Status.FAILED),
    ],
)
def test_each_outcome_has_its_status(judge: Judge, code: str, status: Status) -> None:
    limits = Limits(seconds=0.5 if status is Status.TIMEOUT else 20.0)
    ((verdict,),) = judge.judge([case(code, 1, limits=limits)])
    assert verdict.status is status, verdict


def test_what_is_expected_is_nowhere_to_be_found_by_a_candidate(judge: Judge) -> None:
    code = """
import gc
def f(x):
    found = [v for o in gc.get_objects() if type(o) is dict for v in list(o.values())]
    return [v for v in found if type(v) is str and v.startswith("only the parent")]
"""
    ((verdict,),) = judge.judge([case(code, "only the parent knows")])
    assert verdict.got == "[]"


def test_an_unknown_language_is_refused_by_name(judge: Judge) -> None:
    unknown = Case(Candidate("x", language="brainfuck"), (StdioExample("", ""),))
    with pytest.raises(LanguageError, match="brainfuck"):
        list(judge.judge([unknown]))


def test_the_verdicts_before_a_refused_case_are_given(judge: Judge) -> None:
    refused = Case(Candidate("x", language="brainfuck"), (StdioExample("", ""),))
    answers = judge.judge([case(DOUBLE, 0), refused])
    assert next(answers)[0].status is Status.PASSED
    with pytest.raises(LanguageError):
        next(answers)


def test_a_judge_goes_on_after_a_refusal(judge: Judge) -> None:
    with pytest.raises(LanguageError):
        list(judge.judge([Case(Candidate("x", language="no"), (StdioExample("", ""),))]))
    ((verdict,),) = judge.judge([case(DOUBLE, 0)])
    assert verdict.status is Status.PASSED


def test_a_judge_has_a_name_for_proofs(judge: Judge) -> None:
    assert judge.name == "hardened"


def test_the_isolation_names_a_tier(judge: Judge) -> None:
    assert judge.isolation.tier in {"A", "A-", "B"}


def test_a_machine_that_cannot_isolate_says_what_to_do() -> None:
    report = isolation_report("B")
    if report.tier:
        pytest.skip("tier B is to be had here")
    with SandboxJudge(tier="B") as judge, pytest.raises(IsolationError) as raised:
        list(judge.judge([case(DOUBLE, 0)]))
    assert raised.value.hint
