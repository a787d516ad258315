"""How long OpenMP's threads spin while they wait for each other, before they sleep.

In models they wait hundreds of times a token. On idle cores waking takes longer than what they
wait for; but threads that spin without end starve as soon as anything else runs (a judge, say).
The right number of turns is one of each library; docs/engines.md has the speeds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "GOMP_SPINCOUNT"


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
