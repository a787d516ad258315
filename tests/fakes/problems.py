"""A few made-up problems in the forms of the published benchmarks, and what computes values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from codelathe.core.judging import Candidate, Limits
from codelathe.core.problem import CallExample

Row = Mapping[str, Any]
Write = Callable[[str, Iterable[Row]], Path]

HUMANEVAL: Sequence[Row] = (
    {
        "task_id": "HumanEval/0",
        "prompt": 'def double(x):\n    """Twice."""\n',
        "entry_point": "double",
        "canonical_solution": "    return 2 * x\n",
        "test": "def check(candidate):\n    assert candidate(2) == 4\n",
    },
    {
        "task_id": "HumanEval/1",
        "prompt": 'def half(x):\n    """Half."""\n',
        "entry_point": "half",
        "canonical_solution": "    return x / 2\n",
        "test": "def check(candidate):\n    for i in range(3): assert candidate(i) * 2 == i\n",
    },
)
MBPP: Sequence[Row] = (
    {
        "task_id": 10,
        "text": "Not of the test split.",
        "code": "def f():\r\n  return 1",
        "test_setup_code": "",
        "test_list": ["assert f() == 1"],
    },
    {
        "task_id": 11,
        "text": "Write a function that adds.",
        "code": "def helper(a):\r\n  return a\r\ndef add(a, b):\r\n  return helper(a) + b",
        "test_setup_code": "",
        "test_list": ["assert add(1, 2) == 3", "assert add(1, -2) == -1"],
    },
    {
        "task_id": 12,
        "text": "Write a function that sums a list.",
        "code": "def total(a):\r\n  return sum(a)",
        "test_setup_code": "numbers = [1, 2]",
        "test_list": ["assert total(numbers) == 3"],
    },
)
MBPP_PLUS: Sequence[Row] = (
    {
        "task_id": "Mbpp/2",
        "prompt": '"""\nWhat both have.\n"""\n',
        "entry_point": "similar_elements",
        "canonical_solution": "def similar_elements(a, b):\n    return tuple(set(a) & set(b))\n",
        "base_input": [[[1, 2], [2, 3]]],
        "plus_input": [[[], []], [[1, 2, 3], [3, 2]]],
        "atol": 0,
    },
    {
        "task_id": "Mbpp/8",
        "prompt": '"""\nSquares.\n"""\n',
        "entry_point": "squares",
        "canonical_solution": "def squares(a):\n    a[:] = [x * x for x in a]\n    return a\n",
        "base_input": [[[1, 2]]],
        "plus_input": {},
        "atol": 1e-4,
    },
)
PACK_GO: Sequence[Row] = (
    {
        "task_id": "Go/0",
        "prompt": "// Twice.\nfunc Double(x int) int {\n",
        "declaration": "\nfunc Double(x int) int {\n",
        "canonical_solution": "    return 2 * x\n}\n",
        "buggy_solution": "    return 3 * x\n}\n",
        "instruction": "Write a Go function `Double(x int) int`: twice.",
        "docstring": "Gives twice the number it is given, whatever that is.",
        "test": "func TestDouble(t *testing.T) {\n}\n",
        "test_setup": 'package main\n\nimport (\n    "testing"\n)\n',
        "entry_point": "Double",
    },
)


class Here:
    """Computes values in this process, as a judge does in its own; counts the calls."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(
        self, candidate: Candidate, calls: Sequence[CallExample], limits: Limits
    ) -> list[tuple[Any, float]]:
        self.asked += 1
        names: dict[str, Any] = {}
        exec(candidate.code, names)
        return [(names[candidate.entry_point](*deepcopy(call.args)), 0.5) for call in calls]
