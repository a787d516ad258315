from __future__ import annotations

from dataclasses import replace

import pytest

from codelathe.core.judging import Candidate, Case, Isolation, Limits, Status, Verdict
from codelathe.core.problem import CallExample
from codelathe.core.proof import prove, unproved

CASE = Case(
    Candidate("def f(x): return x", entry_point="f"),
    (CallExample("1", "1", (1,), 1), CallExample("2", "2", (2,), 2)),
)
PASSED = Verdict(Status.PASSED)
TIER = Isolation("A")


def test_proved_means_every_example_passed() -> None:
    proof = prove(CASE, [PASSED, PASSED], "hardened", TIER)
    assert (proof.proved, proof.passed, proof.total, proof.level) == (True, 2, 2, "examples")


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.PASSED])
def test_any_other_outcome_is_no_proof(status: Status) -> None:
    assert not prove(CASE, [PASSED, Verdict(status)], "hardened", TIER).proved


def test_a_verdict_that_is_missing_is_no_proof() -> None:
    assert not prove(CASE, [PASSED], "hardened", TIER).proved


def test_nothing_to_run_against_is_no_proof() -> None:
    case = replace(CASE, examples=())
    assert not prove(case, [], "hardened", TIER).proved
    assert unproved(case).level == "none"


def test_the_hash_is_the_same_on_another_machine_with_another_tier() -> None:
    here = prove(CASE, [PASSED, PASSED], "hardened", TIER)
    there = prove(CASE, [PASSED, PASSED], "hardened", Isolation("B", ("namespaces",)))
    assert here.hash == there.hash


@pytest.mark.parametrize(
    "other",
    [
        replace(CASE, candidate=replace(CASE.candidate, code="def f(x): return  x")),
        replace(CASE, candidate=replace(CASE.candidate, entry_point="g")),
        replace(CASE, examples=CASE.examples[:1]),
        replace(CASE, limits=Limits(seconds=9)),
    ],
)
def test_the_hash_covers_code_entry_point_examples_and_limits(other: Case) -> None:
    first = prove(CASE, [PASSED, PASSED], "hardened", TIER)
    assert prove(other, [PASSED, PASSED], "hardened", TIER).hash != first.hash
