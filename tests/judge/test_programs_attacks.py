"""Every attack in a compiled language, as this user and as an ordinary one."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from pathlib import Path

import pytest

from codelathe.core.errors import LanguageError
from codelathe.judge import languages
from judge import programs_zoo as zoo
from judge.users import results_of

PROGRAM = Path(zoo.__file__)
ATTACKS = zoo.attacks()
WHO = (("this", "A"), ("ordinary", "A"))
#: Nothing of these may be in what an attack brings back.
CANARY = "sk-canary-of-the-judge"
SECRETS = (CANARY, "root:", "nobody:")


@functools.cache
def outcome(user: str, tier: str) -> dict[str, dict[str, str]] | str:
    """What came of all attacks in a program of its own, or why it could not be run."""
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o777)
        environment = {"OPENAI_API_KEY": CANARY, "CODELATHE_HOME": home}
        return results_of(PROGRAM, tier, user, {**environment, "PATH": os.environ["PATH"]})


@pytest.fixture(params=WHO, ids="-".join)
def results(request: pytest.FixtureRequest) -> dict[str, dict[str, str]]:
    found = outcome(*request.param)
    if isinstance(found, str):
        assert not found.startswith("failed"), found
        pytest.skip(found)
    return found


def result(name: str, results: dict[str, dict[str, str]]) -> dict[str, str]:
    if results[name]["status"] == "unjudged" and "apt-get" in results[name]["detail"]:
        pytest.skip(results[name]["detail"])
    return results[name]


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_comes_to_the_status_it_should(
    name: str, results: dict[str, dict[str, str]]
) -> None:
    found = result(name, results)
    assert found["status"] in zoo.metadata(ATTACKS[name])["expect"].split(), found


@pytest.mark.parametrize("name", ATTACKS)
def test_the_program_after_an_attack_finds_nothing_of_it(
    name: str, results: dict[str, dict[str, str]]
) -> None:
    found = result(name, results)
    assert found["after"] == "passed", found


def test_no_attack_brings_back_a_secret(results: dict[str, dict[str, str]]) -> None:
    told = json.dumps(results)
    assert not [secret for secret in SECRETS if secret in told]


@pytest.mark.parametrize("language", sorted(set(zoo.LANGUAGES.values())))
def test_every_language_has_attacks_and_an_honest_program(language: str) -> None:
    assert language in languages.TOOLCHAINS
    assert language in zoo.HONEST
    kinds = {Path(name).stem for name in ATTACKS if zoo.LANGUAGES[Path(name).suffix] == language}
    assert {"forks", "network", "memory"} <= kinds


def test_an_attack_says_what_it_must_not_do() -> None:
    assert all({"expect", "must not"} <= set(zoo.metadata(text)) for text in ATTACKS.values())


def test_a_missing_toolchain_is_an_error_with_what_to_install() -> None:
    for name in languages.TOOLCHAINS:
        error = languages.TOOLCHAINS.load(name).missing("compiler")
        assert isinstance(error, LanguageError)
        assert error.hint.startswith("apt-get install ")
