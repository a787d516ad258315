from __future__ import annotations

import pytest

from codelathe.evaluation.chance import depends_on_chance


@pytest.mark.parametrize(
    "code",
    [
        "import random",
        "import os, time",
        "from datetime import date",
        "    from random import choice",
        "return hash(s)",
        "sorted(xs, key=lambda x: id (x))",
        "np.random.rand()",
        "os.urandom(3)",
        "return list(set(words))",
        "''.join(set(s))",
        "for c in set(s):",
        "print(*set(s))",
        "return set(a + b).pop()",
    ],
)
def test_what_may_answer_differently_is_found(code: str) -> None:
    assert depends_on_chance(code)


def test_a_line_without_end_is_looked_through_once() -> None:
    assert not depends_on_chance("set(" * 200_000)  # looked through from each `set`: a minute


@pytest.mark.parametrize(
    "code",
    [
        "return sorted(set(xs))",
        "return len(set(xs)) == 1",
        "# runs in linear time",
        "runtime = 1",
        "valid(x)",
        "def is_random(xs): return grid(xs)",
    ],
)
def test_what_answers_the_same_each_time_is_left_alone(code: str) -> None:
    assert not depends_on_chance(code)
