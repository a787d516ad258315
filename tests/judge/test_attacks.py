"""Every attack on every tier that this machine offers, as this user and as an ordinary one."""

from __future__ import annotations

import functools
import json
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from judge import zoo
from judge.users import results_of

PROGRAM = Path(zoo.__file__)
ATTACKS = zoo.attacks()
USERS = ("this", "ordinary")
TIERS = ("A", "A-", "B")
#: Nothing of these may be in what an attack brings back.
CANARY = "sk-canary-of-the-judge"
SECRET = {"OPENAI_API_KEY": CANARY}


@functools.cache
def started() -> dict[tuple[str, str], Future[dict[str, dict[str, str]] | str]]:
    """All attacks on everything at once: most of it is waiting for time limits."""
    pool = ThreadPoolExecutor(len(USERS) * len(TIERS))
    return {(u, t): pool.submit(results_of, PROGRAM, t, u, SECRET) for u in USERS for t in TIERS}


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
