"""Being an ordinary user for a while, where the tests are run by root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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
