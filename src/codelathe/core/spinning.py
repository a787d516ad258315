"""How long OpenMP's threads spin while they wait for each other, before they sleep.

In models they wait hundreds of times a token. On idle cores waking takes longer than what they
wait for; but threads that spin without end starve as soon as anything else runs (a judge, say).
The right number of turns is one of each library; docs/engines.md has the speeds. Whatever loads
torch first, with modules that import it or by itself, has to load it from here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "GOMP_SPINCOUNT"
#: Python's part between two products is long, and so are these.
_TORCH_TURNS = 1000


@contextmanager
def spinning(turns: int) -> Iterator[None]:
    """Libraries that are loaded meanwhile spin for so many turns, where the user says nothing else.

    OpenMP reads the variable when the first library that uses it is loaded, for all in the process.
    It is taken back then: child processes, which load others, are not to find it.
    """
    if VARIABLE in os.environ:
        yield
        return
    os.environ[VARIABLE] = str(turns)
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)


def load_torch() -> None:
    """Load torch, whose packages are there, with its threads spinning as is best for a model."""
    with spinning(_TORCH_TURNS):
        import torch  # noqa: F401
