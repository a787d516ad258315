"""How long threads spin, as OpenMP itself tells when a library is loaded."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

LOAD = {
    "torch": "from codelathe.core.spinning import load_torch; load_torch()",
    "llama.cpp": (
        "from pathlib import Path; from codelathe.engines.llamacpp import _Server\n"
        "try: _Server(Path('/nowhere'), 8)\n"
        "except Exception: pass"
    ),
}


def turns(*libraries: str, **set_by_user: str) -> tuple[list[str], str]:
    """What OpenMP read at each loading, and what is left in the environment."""
    lines = [LOAD[name] for name in libraries]
    code = "\n".join([*lines, "import os; print(os.environ.get('GOMP_SPINCOUNT'))"])
    environment = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "OMP_DISPLAY_ENV": "verbose", **set_by_user},
        capture_output=True,
        text=True,
        check=True,
    )
    read = re.findall(r"GOMP_SPINCOUNT = '(\w+)'", done.stderr)
    return read, done.stdout.split()[-1]


@pytest.mark.parametrize(("library", "read"), [("torch", "1000"), ("llama.cpp", "300")])
def test_each_library_spins_as_long_as_is_best_for_it(library: str, read: str) -> None:
    assert turns(library) == ([read], "None")


def test_what_is_loaded_later_and_child_processes_are_not_told() -> None:
    assert turns("torch", "llama.cpp")[1] == "None"


def test_what_the_user_says_stays() -> None:
    assert turns("torch", GOMP_SPINCOUNT="7") == (["7"], "7")
