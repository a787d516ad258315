from __future__ import annotations

import subprocess
import sys

import pytest

from codelathe.cli import VERBS

LIGHT = {"click", "codelathe"}
SHOW_FOREIGN = """
import sys
before = set(sys.modules)
from codelathe.cli import run
code = run({args!r})
names = {{m.partition(".")[0] for m in set(sys.modules) - before}}
print("FOREIGN", sorted(n for n in names if n not in sys.stdlib_module_names))
sys.exit(code)
"""


@pytest.mark.parametrize(
    "args", [["--help"], *([*verb.split(), "--help"] for verb in VERBS)], ids=" ".join
)
def test_help_imports_no_third_party_but_click(args: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOW_FOREIGN.format(args=args)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    foreign = done.stdout.splitlines()[-1].removeprefix("FOREIGN ")
    assert set(eval(foreign)) <= LIGHT


def test_every_verb_of_the_table_is_listed_in_the_help() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "codelathe", "--help"], capture_output=True, text=True, check=True
    )
    assert all(f"\n  {verb} " in done.stdout for verb in VERBS)
