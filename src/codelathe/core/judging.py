"""What is run and what came of it: Candidate, Limits, Verdict and the Judge port.

A judge knows nothing of models. It gets code and examples and states, for each
example, one of the outcomes in `Status`; a pass is stated, never inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from codelathe.core.errors import UsageError
from codelathe.core.problem import Example, Suite


class Status(StrEnum):
    """The outcome of running a candidate."""

    PASSED = "passed"
    FAILED = "failed"
    """It ran and gave something else."""
    ERROR = "error"
    """It raised, or does not compile, or lacks the entry point."""
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    """It wrote or returned more than the limit."""
    LEFT = "left"
    """Its process ended before it answered."""
    TAMPERED = "tampered"
    """It tried to forge its answer."""
    UNJUDGED = "unjudged"
    """The sandbox itself failed; counted apart, never as a fail."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Code to be judged. An empty `entry_point` means a whole program on standard input."""

    code: str
    language: str = "python"
    entry_point: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one example or one hidden test may use: wall seconds, MiB of memory, bytes of output."""

    seconds: float = 3.0
    memory_mb: int = 1024
    output_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        """Refuse what no machine can keep to.

        Raises:
            UsageError: a limit is not above zero, or beyond an hour, a TiB or a GiB.
        """
        for name, most in (("seconds", 3600), ("memory_mb", 1 << 20), ("output_bytes", 1 << 30)):
            value = getattr(self, name)
            if not 0 < value <= most:
                raise UsageError(
                    f"{name} must be above 0 and at most {most}, not {value}", field=name
                )


@dataclass(frozen=True, slots=True)
class Case:
    """One candidate against examples or hidden tests, each on its own under `limits`."""

    candidate: Candidate
    examples: tuple[Example | Suite, ...]
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one example or one hidden test showed.

    `got` is the value returned (as Python source) or the text printed, None where
    nothing came back; `detail` says in one line what went wrong. For a Suite they tell of the
    call that ended it. `flaky`: run again, the same code came to another status.
    `starved`: a timeout in which the process hardly got to run, so that it says more about
    a busy machine than about the code.
    """

    status: Status
    input: str = ""
    expected: str = ""
    got: str | None = None
    detail: str = ""
    seconds: float = 0.0
    flaky: bool = False
    starved: bool = False


@dataclass(frozen=True, slots=True)
class Isolation:
    """How well candidates are kept apart from the machine.

    `tier` is `A` (namespaces, Landlock, seccomp, limits), `A-` (no Landlock) or `B`
    (no namespaces); `missing` names what this machine lacks of tier A.
    """

    tier: str
    missing: tuple[str, ...] = ()


class Judge(Protocol):
    """Runs candidates in isolation and decides."""

    @property
    def name(self) -> str:
        """The mode that stands in proofs and signatures: `hardened` or `compat`."""
        ...

    @property
    def isolation(self) -> Isolation:
        """The isolation in force.

        Raises:
            IsolationError: this machine cannot isolate code; nothing will be run.
        """
        ...

    def judge(self, cases: Iterable[Case]) -> Iterator[tuple[Verdict, ...]]:
        """Yield, in the order of `cases`, one verdict for each example of each case.

        `cases` is consumed lazily and several are run at a time.

        Raises:
            IsolationError: this machine cannot isolate code; nothing was run.
            LanguageError: no judge for a candidate's language.
        """
        ...

    def close(self) -> None:
        """End every process of the judge. Closing twice is harmless."""
        ...
