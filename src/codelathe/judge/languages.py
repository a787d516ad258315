"""Which languages can be judged, and by what.

A runner takes one `Case` to its verdicts in one slot. Python has a runner and slots of its
own. The others share a runner of programs; each has a toolchain and slots that show it alone.
Adding a language is adding a module with a toolchain, and its line here;
`docs/languages.md` tells how.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from codelathe.core.errors import LanguageError
from codelathe.core.judging import Case, Verdict
from codelathe.core.problem import Suite
from codelathe.core.registry import Registry
from codelathe.judge.slot import Sandbox, numpy_folders

if TYPE_CHECKING:
    from codelathe.judge.isolation import Make
    from codelathe.judge.toolchains.base import Toolchain


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
TOOLCHAINS = Registry(
    "language",
    {
        "javascript": "codelathe.judge.toolchains.javascript:JavaScript",
        "cpp": "codelathe.judge.toolchains.cpp:Cpp",
        "java": "codelathe.judge.toolchains.java:Java",
        "go": "codelathe.judge.toolchains.go:Go",
        "rust": "codelathe.judge.toolchains.rust:Rust",
    },
)

FIRST = "python"
NUMPY = "numpy"
_NUMPY_IMPORT = re.compile(r"^[ \t]*(?:import|from)\b[^#\n]*\bnumpy\b", re.MULTILINE)
SLOTS = Registry(
    "kind of slot",
    {FIRST: "codelathe.judge.slot:Slot", NUMPY: "codelathe.judge.slot:NumpySlot"},
)
"""Kinds of slots: each is called with a tier and the processors, as `isolation.Make` says."""


def slot(case: Case) -> str:
    """The kind of slot that a case is run in.

    Where a toolchain is missing nothing will be run, and no slot of its kind is needed.
    """
    language = case.candidate.language
    if language in RUNNERS:
        return NUMPY if numpy_folders() and _needs_numpy(case) else FIRST
    return FIRST if isinstance(toolchain(language), LanguageError) else language


def _needs_numpy(case: Case) -> bool:
    """Whether the code names numpy in any way, or a test, whose words are trusted, imports it."""
    tests = (x for x in case.examples if isinstance(x, Suite))
    texts = (text for test in tests for text in (test.source, test.context))
    return NUMPY in case.candidate.code or any(_NUMPY_IMPORT.search(text) for text in texts)


def maker(kind: str) -> Make:
    """What starts a slot of that kind."""
    if kind in SLOTS:
        made: Make = SLOTS.load(kind)
        return made
    from codelathe.judge.process import ProcessSlot

    found = toolchain(kind)
    if isinstance(found, LanguageError):
        raise found
    return functools.partial(ProcessSlot, toolchain=found)


@functools.cache
def toolchain(language: str) -> Toolchain | LanguageError:
    """The toolchain of this machine, looked for once; the error where it is missing."""
    try:
        found: Toolchain = TOOLCHAINS.load(language).find()
    except LanguageError as e:
        return e
    return found


def facts(language: str) -> dict[str, str]:
    """What a signature must say beside the mode; nothing of Python, which the mode tells all of."""
    if language not in TOOLCHAINS:
        return {}
    found = toolchain(language)
    return {
        "toolchain": "missing" if isinstance(found, LanguageError) else found.version,
        "decided": "by the test in the candidate's own process: a nonce it prints at its end",
    }


def check(language: str) -> None:
    """Refuse a language that has no runner.

    Raises:
        LanguageError: code in it can be given, but not proved.
    """
    if language not in RUNNERS and language not in TOOLCHAINS:
        raise LanguageError(
            f"no judge for {language!r}: its code can be given, but not proved",
            hint=f"languages that are judged: {', '.join([*RUNNERS, *TOOLCHAINS])}",
            field="language",
        )


def runner(language: str, slot: Sandbox, mode: str) -> Runner:
    """A runner of `language` in `slot`; `mode` is how it decides hidden tests."""
    if language in RUNNERS:
        made: Runner = RUNNERS.load(language)(slot, mode)
        return made
    from codelathe.judge.programs import ProgramRunner

    found = toolchain(language)
    return ProgramRunner(slot, found if isinstance(found, LanguageError) else None)
