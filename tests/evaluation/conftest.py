"""A bench in a folder of its own, and samples for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.evaluation_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def say() -> Callable[[str], list[tuple[int, str]]]:
    """`say("passed failed")`: one sample for problem 0 each word, all of them other programs."""
    return lambda words: [(0, f"{n} # {word}") for n, word in enumerate(words.split())]
