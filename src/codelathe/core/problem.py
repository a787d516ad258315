"""What is asked: a Problem, its Examples, and the hidden tests (a Suite each) of a benchmark.

Examples keep the text they were written as beside the values parsed from it, so
that a message or a proof shows what the user typed. Parsing is not done here
but in `codelathe.text.examples`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

NO_KEYWORDS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CallExample:
    """One call with literal arguments, and the value it must return.

    `input` and `expected` are the literals as written (`"[1, 2], k=3"`, `"6"`);
    `args`, `kwargs` and `value` are what they mean. `comparer` names how what comes back is
    held against `value`, where the call is no part of a Suite: `exact`, `unordered`, ...
    """

    input: str
    expected: str
    args: tuple[Any, ...]
    value: Any
    kwargs: Mapping[str, Any] = field(default_factory=lambda: NO_KEYWORDS)
    comparer: str = "exact"


@dataclass(frozen=True, slots=True)
class StdioExample:
    """One run of a whole program: standard input, and the output it must print.

    `comparer` names how what is printed is held against it: `lines`, or `tokens` with a
    tolerance for numbers (`tokens:1e-6`).
    """

    input: str
    expected: str
    comparer: str = "lines"


Example = CallExample | StdioExample


@dataclass(frozen=True, slots=True)
class Suite:
    """A hidden test: what must hold of a candidate as a whole, within one time limit.

    `source` is the benchmark's own test, a program that runs after the candidate's code and
    raises where the candidate is wrong (in Python with the last call, `check(add)`,
    written out). It may use the names that `context` defines: trusted code, such as helpers
    that a prompt gives.

    `calls` is the same test as data, where it is nothing but calls and the values they must
    return: made in a row, up to the first that `comparer` does not find equal. None where only
    the program tells. `call_seconds` limits each call besides (0: only the whole is limited).

    `inside`: the test uses more of the candidate's code than its entry point, so that it can
    only run in the candidate's process, in every mode, and what it says can be forged there.
    """

    source: str
    context: str = ""
    calls: tuple[CallExample, ...] | None = None
    comparer: str = "exact"
    call_seconds: float = 0.0
    inside: bool = False

    @property
    def input(self) -> str:
        """What a proof is taken over, as of an example: here the test itself."""
        return self.source

    @property
    def expected(self) -> str:
        """Nothing is compared with a test as a whole: it has to be got through."""
        return ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A prompt and what a solution of it must do.

    `entry_point` is the function the examples call (`"solve"`, `"Solution.two_sum"`),
    empty while it is not known. `program` asks for a whole program that reads
    standard input instead of a function. `examples` are shown to the solver, `tests` are not.
    """

    prompt: str
    id: str = ""
    language: str = "python"
    entry_point: str = ""
    program: bool = False
    examples: tuple[Example, ...] = ()
    tests: tuple[Suite, ...] = ()
