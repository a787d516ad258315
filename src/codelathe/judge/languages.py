"""Which languages can be judged, and by what.

A runner takes one `Case` to its verdicts in one `Slot`. Adding a language is adding a
module with such a runner, and its line here; `docs/judge.md` tells how.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from codelathe.core.errors import LanguageError
from codelathe.core.judging import Case, Verdict
from codelathe.core.registry import Registry
from codelathe.judge.slot import Sandbox


class Runner(Protocol):
    """Takes cases of one language to their verdicts, in one slot."""

    def run(self, case: Case) -> tuple[Verdict, ...]:
        """One verdict for each example, in order.

        Raises:
            SlotLost: the warden is gone.
        """
        ...

    def abort(self) -> None:
        """End the running case early. Called from another thread."""
        ...


@runtime_checkable
class Evaluator(Protocol):
    """A runner that also gives what calls return: of a language whose values are data here."""

    def values(self, case: Case) -> list[tuple[Any, float]]:
        """What the calls of the case's one test gave, and the seconds of each.

        Raises:
            JudgeError: a call gave none.
            SlotLost: the warden is gone.
        """
        ...


RUNNERS = Registry("language", {"python": "codelathe.judge.python:PythonRunner"})

FIRST = "python"
SLOTS = Registry("kind of slot", {FIRST: "codelathe.judge.slot:Slot"})
"""Kinds of slots: each is called with a tier and the processors, as `isolation.Make` says."""


def slot(case: Case) -> str:  # noqa: ARG001 -- there is one kind
    """The kind of slot that a case is run in."""
    return FIRST


def check(language: str) -> None:
    """Refuse a language that has no runner.

    Raises:
        LanguageError: code in it can be given, but not proved.
    """
    if language not in RUNNERS:
        raise LanguageError(
            f"no judge for {language!r}: its code can be given, but not proved",
            hint=f"languages that are judged: {', '.join(RUNNERS)}",
            field="language",
        )


def runner(language: str, slot: Sandbox, mode: str) -> Runner:
    """A runner of `language` in `slot`; `mode` is how it decides hidden tests."""
    made: Runner = RUNNERS.load(language)(slot, mode)
    return made
