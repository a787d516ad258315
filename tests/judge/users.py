"""Being an ordinary user for a while, where the tests are run by root."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codelathe.judge.slot import UNPRIVILEGED

_CHECK = "import sys; sys.exit(sys.version_info < (3, 11))"
_NAMES = ("python3", "python3.11", "python3.12", "python3.13", "python3.14")


def as_nobody() -> dict[str, Any]:
    """Arguments of `subprocess.run` for an ordinary user; none where this is one."""
    if os.geteuid() != 0:
        return {}
    return {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": [], "cwd": "/"}


def ordinary_python() -> str | None:
    """An interpreter of 3.11 or later that such a user may start."""
    found = (shutil.which(name, path="/usr/local/bin:/usr/bin") for name in _NAMES)
    for path in (sys.executable, *filter(None, found)):
        try:
            done = subprocess.run([path, "-c", _CHECK], check=False, **as_nobody())
        except OSError:
            continue
        if done.returncode == 0:
            return path
    return None


def results_of(
    program: Path, tier: str, user: str, environment: Mapping[str, str]
) -> dict[str, dict[str, str]] | str:
    """What a program of attacks prints, run by `this` user or an `ordinary` one; or why not."""
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
        [python, "-B", str(program), tier],
        env=dict(environment), capture_output=True, text=True, check=False, **options,
    )  # fmt: skip
    if "IsolationError" in done.stderr:
        return done.stderr.splitlines()[-1]
    if done.returncode:
        return f"failed: {done.stderr}"
    results: dict[str, dict[str, str]] = json.loads(done.stdout)["results"]
    return results
