"""Many attacks at once: no attack gains by company, and nothing is left of it."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from judge import crowd, zoo

GROWTH = 64 << 20
"""Memory that the judging process may have taken: frames of many candidates at a time."""


@functools.cache
def outcome(folder: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-B", str(Path(crowd.__file__))],
        env={"OPENAI_API_KEY": "sk-canary-of-the-crowd"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="session")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return outcome(os.fspath(tmp_path_factory.mktemp("crowd")))


@pytest.mark.parametrize("name", [n for n in zoo.attacks() if n not in crowd.LARGE])
def test_an_attack_in_a_crowd_comes_to_no_other_end(name: str, crowded: dict[str, Any]) -> None:
    (status,) = [s for n, s, _ in crowded["answers"] if n == name]
    allowed = {*zoo.metadata(zoo.attacks()[name])["expect"].split(), "timeout"}  # of a busy machine
    assert status in allowed


def test_every_honest_candidate_between_attacks_passes(crowded: dict[str, Any]) -> None:
    assert {after for _, _, after in [*crowded["answers"], *crowded["memory"]]} == {"passed"}


def test_many_that_take_all_memory_lose_theirs_alone(crowded: dict[str, Any]) -> None:
    assert {status for _, status, _ in crowded["memory"]} <= {"memory", "timeout"}


def test_a_crowd_leaves_nothing_in_the_kernel_and_no_file(crowded: dict[str, Any]) -> None:
    assert crowded["after"]["kernel"] == crowded["before"]["kernel"]
    assert crowded["after"]["working folder"] == []


def test_a_crowd_leaves_no_process(crowded: dict[str, Any]) -> None:
    assert crowded["after"]["processes"] == 0


def test_a_crowd_does_not_touch_a_process_beside_it(crowded: dict[str, Any]) -> None:
    assert crowded["survived"]


def test_a_crowd_costs_the_judging_process_no_descriptor(crowded: dict[str, Any]) -> None:
    assert crowded["grown"]["descriptors"] <= crowded["before"]["descriptors"]


def test_a_crowd_costs_the_judging_process_little_memory(crowded: dict[str, Any]) -> None:
    assert crowded["grown"]["memory"] - crowded["before"]["memory"] < GROWTH
