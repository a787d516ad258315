"""What becomes of isolation on a poorer machine: a lower tier, or nothing is run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from judge import poorer
from judge.users import as_nobody, ordinary_python

ENOSYS, EPERM = 38, 1
LANDLOCK = f"landlock_create_ruleset={ENOSYS}"
NO_NAMESPACES = f"unshare={EPERM}"


def report(*refusals: str) -> dict[str, Any]:
    python = ordinary_python()
    if python is None:
        pytest.skip("no Python of 3.11 or later that an ordinary user can start")
    command = [python, "-B", str(Path(poorer.__file__)), *refusals]
    done = subprocess.run(
        command, env={}, capture_output=True, text=True, check=False, **as_nobody()
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module", autouse=True)
def _rich_machine() -> None:
    if report()["tier"] != "A":
        pytest.skip("this machine lacks something itself")


@pytest.mark.parametrize(
    ("refusal", "tier", "feature"),
    [
        (LANDLOCK, "A-", "landlock"),
        (NO_NAMESPACES, "B", "user namespace"),
        (f"pivot_root={EPERM}", "B", "pivot_root"),
        (f"mount_setattr={ENOSYS}", "B", "mounts"),
    ],
)
def test_a_missing_feature_leads_to_a_lower_tier(refusal: str, tier: str, feature: str) -> None:
    found = report(refusal)
    assert (found["tier"], list(found["lacks"])) == (tier, [feature])


@pytest.mark.parametrize(
    "refusals",
    [(LANDLOCK, NO_NAMESPACES), (f"seccomp={EPERM}",), (f"prctl={EPERM}",), (f"capset={EPERM}",)],
)
def test_too_little_isolation_is_none_at_all(refusals: tuple[str, ...]) -> None:
    found = report(*refusals)
    assert found["tier"] == ""
    assert found["error"][0].startswith("this machine cannot isolate code, so nothing was run")


def test_a_refusal_says_what_to_do() -> None:
    found = report(LANDLOCK, NO_NAMESPACES)
    assert all(fix in found["error"][1] for fix in found["lacks"].values())
