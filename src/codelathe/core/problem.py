"""What is asked: a Problem and its Examples.

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
    `args`, `kwargs` and `value` are what they mean.
    """

    input: str
    expected: str
    args: tuple[Any, ...]
    value: Any
    kwargs: Mapping[str, Any] = field(default_factory=lambda: NO_KEYWORDS)


@dataclass(frozen=True, slots=True)
class StdioExample:
    """One run of a whole program: standard input, and the output it must print."""

    input: str
    expected: str


Example = CallExample | StdioExample


@dataclass(frozen=True, slots=True)
class Problem:
    """A prompt and what a solution of it must do.

    `entry_point` is the function the examples call (`"solve"`, `"Solution.two_sum"`),
    empty while it is not known. `program` asks for a whole program that reads
    standard input instead of a function.
    """

    prompt: str
    id: str = ""
    language: str = "python"
    entry_point: str = ""
    program: bool = False
    examples: tuple[Example, ...] = ()
