"""The comparer `evalplus`: EvalPlus's rules on the values that come out of the sandbox.

Its name carries what the rules ask for: `evalplus:mbpp:sum_div:0` is the data set, the entry
point, the absolute tolerance. Where an own rule of a problem looks at the arguments, it sees
them as they were given, not as the candidate may have changed them.
"""

from __future__ import annotations

from typing import Any

from codelathe.core.errors import UsageError
from codelathe.core.problem import CallExample
from codelathe.judge.codec import Iterated
from codelathe.judge.compare import Comparer
from codelathe.judge.evalplus_rules import Rules

VERSION = "0.3.1"
"""Of EvalPlus, whose rules these are."""

_DATASETS = ("humaneval", "mbpp")


def evalplus(parameters: str) -> Comparer:
    """A comparer for one run: once it has met an expected float, it is tolerant.

    Raises:
        UsageError: the parameters are not DATASET:ENTRY_POINT:TOLERANCE.
    """
    rules = _rules(parameters)

    def compare(example: CallExample, got: Any) -> bool:
        answer = iter(got.items) if isinstance(got, Iterated) else got
        try:
            return bool(rules.holds(example.args, example.value, answer))
        except Exception:  # noqa: BLE001 -- a comparison that raises is no pass, whatever it raises
            return False

    return compare


def name_of(dataset: str, entry_point: str, tolerance: float) -> str:
    """The name of the comparer for one problem."""
    return f"evalplus:{dataset}:{entry_point}:{tolerance!r}"


def _rules(parameters: str) -> Rules:
    dataset, _, rest = parameters.partition(":")
    entry_point, _, tolerance = rest.rpartition(":")
    try:
        number = float(tolerance)
    except ValueError:
        number = -1.0
    if dataset not in _DATASETS or not entry_point or not number >= 0:
        raise UsageError(
            f"{parameters!r} is not DATASET:ENTRY_POINT:TOLERANCE",
            hint="for example evalplus:mbpp:sum_div:0",
        )
    return Rules(dataset, entry_point, number)
