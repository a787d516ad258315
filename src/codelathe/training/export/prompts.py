"""Prompts for comparing two forms of one model: code, prose, Korean, digits, odd white space.

They are asked of both and never judged, so they need no answers; what counts is that they
differ, and that each use of the vocabulary comes up.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

_TASKS = (
    "reverses a string", "sums the even numbers of a list", "counts the words of a text",
    "finds the largest key of a dictionary", "checks whether brackets are balanced",
    "merges two sorted lists", "turns seconds into hours, minutes and seconds",
    "removes duplicates and keeps the order", "parses lines of the form key=value",
    "computes the nth Fibonacci number", "rotates a matrix by 90 degrees",
    "finds all primes below n",
)  # fmt: skip
_FORMS = (
    "Write a Python function that {task}.",
    'def solve(data):\n    """A function that {task}."""\n',
    "Explain in two sentences how a program {task}.",
    "// JavaScript: a function that {task}\nfunction solve(input) {{\n",
    "{task} 함수를 파이썬으로 작성하고 설명해 주세요.",
)

#: Texts that tokenizers part at in different ways.
PROBES = (
    "def f(x):\n    return x ** 2  # squares\n\n\n\tif x:\n\t\tpass\n",
    "for (int i = 0; i < 10; ++i) { sum += a[i]; }  // C\r\n",
    "두 수를 더하는 함수를 작성하세요. 변수 이름은 값1, 값2입니다.",
    "0 12 345 6789 3.14159 0xFF 1_000_000 2026-11-20",
    "  leading, trailing  ", "\n\n \n  \n   \n", "\t \t", "a  b   c    d",
    "it's we'RE they'll I'D", "x=1;y=-2;z=x+y!=3&&!(a<=b)",
    "naïve café — “quoted” … ©2026 🚀🚀 한글🚀code", "{\"key\": [1, null, true]}",
    "https://example.com/a/b?c=d#e", "SELECT * FROM t WHERE a >= 10;",
)  # fmt: skip


def prompts(count: int) -> list[str]:
    """`count` prompts, always the same ones in the same order, each form in turn."""
    return list(itertools.islice(_all(), count))


def _all() -> Iterator[str]:
    """Every form for one task after the other; then all of them again, numbered."""
    for turn in itertools.count(1):
        for task in _TASKS:
            for form in _FORMS:
                yield form.format(task=task) + ("" if turn == 1 else f" Version {turn}.")
