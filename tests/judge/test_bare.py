"""Every attack does something where nothing holds it back: else the zoo would prove nothing."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from judge import bare, zoo
from judge.users import as_nobody, ordinary_python

ATTACKS = zoo.attacks()
TRYING = [n for n, text in ATTACKS.items() if re.search(r"attempt\(\s*(worked|made)", text)]
ONE = [n for n, t in ATTACKS.items() if "bites" in zoo.metadata(t)]
BITING = [n for n in ONE if zoo.metadata(ATTACKS[n])["bites"] != "nothing"]
ROWS = {str(n) for n in range(1, 41)} - {"38", "39"}
"""The catalogue's families. 38 is all of them at once; 39 is other languages' compilers."""


@functools.cache
def unguarded() -> dict[str, Any]:
    python = ordinary_python()
    if python is None:
        pytest.skip("no Python of 3.11 or later that an ordinary user can start")
    command = [python, "-B", str(Path(bare.__file__))]
    done = subprocess.run(
        command, env={}, capture_output=True, text=True, check=False, timeout=150, **as_nobody()
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    if "no box" in found:
        pytest.skip(f"no box to run attacks in: {found['no box']}")
    return found


def tried(text: str) -> list[str]:
    return re.findall(r'attempt\(\s*(?:worked|made),\s*"([^"]*)"', text)


def unshown(text: str) -> list[str]:
    return [n for n in zoo.metadata(text).get("unshown", "").split(", ") if n]


@pytest.mark.parametrize("name", TRYING)
def test_each_thing_that_an_attack_tries_works_without_the_sandbox(name: str) -> None:
    text = ATTACKS[name]
    without = set(tried(text)) - set(unguarded()[name]["worked"])
    assert without <= set(unshown(text))


@pytest.mark.parametrize("name", BITING)
def test_an_attack_bites_without_the_sandbox(name: str) -> None:
    assert set(zoo.metadata(ATTACKS[name])["bites"].split()) <= set(unguarded()[name]["effects"])


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_says_what_it_does_or_why_that_cannot_be_shown(name: str) -> None:
    told = zoo.metadata(ATTACKS[name])
    assert (
        name in TRYING or "made" in told or set(told["bites"].split()) <= {*bare.EFFECTS, "nothing"}
    )
    assert told.get("bites") != "nothing" or told["because"]


def test_every_family_of_the_catalogue_has_an_attack() -> None:
    covered = {row for text in ATTACKS.values() for row in zoo.metadata(text)["row"].split()}
    assert covered == ROWS
