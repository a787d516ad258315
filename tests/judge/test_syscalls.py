"""The system calls that a candidate has are those written down, no more and no fewer."""

from __future__ import annotations

import os

import pytest

from codelathe.core.judging import Candidate, Case, Limits
from codelathe.core.problem import CallExample
from codelathe.judge import SandboxJudge
from codelathe.judge import slot as slots
from codelathe.judge.inside import seccomp
from judge import golden, mutants

pytestmark = pytest.mark.skipif(
    os.uname().machine != "x86_64", reason="the list has x86_64's numbers"
)
NUMBERS = range(golden.LAST + 1)


def test_the_filters_let_through_what_is_written_down_and_nothing_else() -> None:
    second = bytes(seccomp.CandidateFilter()._code.raw)
    assert golden.discrepancies(seccomp.inherited(), second) == []


def test_every_number_is_on_one_list() -> None:
    lists = (golden.ALLOWED, golden.BY_ARGUMENT, golden.WARDENS, golden.UNFILTERED, golden.REFUSED)
    numbers = [n for names in lists for n in names.values()]
    assert len(numbers) == len(set(numbers))


def test_a_candidate_finds_the_kernel_refusing_what_the_lists_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each number is called in a candidate; the filters answer with numbers of their own here."""
    monkeypatch.setattr(slots, "_program", mutants.program(mutants.TELLING))
    case = Case(
        Candidate(mutants.ERRNOS, entry_point="errnos"),
        (CallExample(str(golden.LAST), "[]", (golden.LAST,), []),),
        Limits(seconds=20.0),
    )
    with SandboxJudge(slots=1, tier="A") as judge:
        (verdict,) = next(judge.judge([case]))
    assert verdict.got is not None, verdict
    first, second = mutants.refusals(verdict.got)
    passed = set(NUMBERS) - first - second
    known = {*golden.ALLOWED.values(), *golden.BY_ARGUMENT.values(), *golden.UNFILTERED.values()}
    assert passed <= known
    assert set(golden.WARDENS.values()) <= second
    assert set(golden.REFUSED.values()) <= first
