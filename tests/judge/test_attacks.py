"""Every attack on every tier that this machine offers, as this user and as an ordinary one."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from judge import zoo
from judge.users import as_nobody, ordinary_python

PROGRAM = Path(zoo.__file__)
ATTACKS = zoo.attacks()
USERS = ("this", "ordinary")
TIERS = ("A", "A-", "B")
#: Nothing of these may be in what an attack brings back.
CANARY = "sk-canary-of-the-judge"


@functools.cache
def started() -> dict[tuple[str, str], Future[dict[str, dict[str, str]] | str]]:
    """All attacks on everything at once: most of it is waiting for time limits."""
    pool = ThreadPoolExecutor(len(USERS) * len(TIERS))
    return {(u, t): pool.submit(outcome, u, t) for u in USERS for t in TIERS}


def outcome(user: str, tier: str) -> dict[str, dict[str, str]] | str:
    """What came of all attacks in a program of its own, or why it could not be run."""
    python: str | None = sys.executable
    options: dict[str, Any] = {}
    if user == "ordinary":
        if os.geteuid() != 0:
            return "this user is an ordinary one already"
        python, options = ordinary_python(), as_nobody()
    elif os.geteuid() == 0 and tier == "B":  # which needs one that others can read
        python = ordinary_python()
    if python is None:
        return "no Python of 3.11 or later that an ordinary user can start"
    done = subprocess.run(
        [python, "-B", str(PROGRAM), tier],
        env={"OPENAI_API_KEY": CANARY},
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    if "IsolationError" in done.stderr:
        return done.stderr.splitlines()[-1]
    if done.returncode:
        return f"failed: {done.stderr}"
    results: dict[str, dict[str, str]] = json.loads(done.stdout)["results"]
    return results


@pytest.fixture(params=[(u, t) for u in USERS for t in TIERS], ids="-".join)
def results(request: pytest.FixtureRequest) -> dict[str, dict[str, str]]:
    found = started()[request.param].result()
    if isinstance(found, str):
        assert not found.startswith("failed"), found
        pytest.skip(found)
    return found


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_comes_to_the_status_it_should(
    name: str, results: dict[str, dict[str, str]]
) -> None:
    assert results[name]["status"] in zoo.metadata(ATTACKS[name])["expect"].split(), results[name]


@pytest.mark.parametrize("name", [n for n in ATTACKS if "returns" in zoo.metadata(ATTACKS[n])])
def test_an_attack_finds_nothing_that_works(name: str, results: dict[str, dict[str, str]]) -> None:
    if results[name]["status"] == "failed":
        assert results[name]["got"] == zoo.metadata(ATTACKS[name])["returns"]


@pytest.mark.parametrize("name", ATTACKS)
def test_the_candidate_after_an_attack_finds_nothing_of_it(
    name: str, results: dict[str, dict[str, str]]
) -> None:
    assert results[name]["after"] == "passed", results[name]


def test_no_attack_brings_back_a_secret(results: dict[str, dict[str, str]]) -> None:
    assert CANARY not in json.dumps(results)
