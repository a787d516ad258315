"""Reports the isolation of a machine that refuses some system calls.

python tests/judge/poorer.py NAME=NUMBER... (as in `unshare=1`: EPERM)
"""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"


def main(refusals: list[str]) -> None:
    from codelathe.core.errors import IsolationError
    from codelathe.judge import SandboxJudge, isolation_report
    from codelathe.judge.inside import seccomp, syscalls

    syscalls.TABLE["unshare"] = (272, 97)
    code = seccomp._op(seccomp._LOAD, 0)
    for name, number in (r.split("=") for r in refusals):
        code += seccomp._on(name, seccomp._op(seccomp._RETURN, seccomp.ERRNO | int(number)))
    code += seccomp._op(seccomp._RETURN, seccomp.ALLOW)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    buffer = ctypes.create_string_buffer(code, len(code))
    syscalls.call("seccomp", seccomp.SET_MODE_FILTER, 0, seccomp._head(buffer))
    report = isolation_report()
    try:
        with SandboxJudge(slots=1) as judge:
            error = ("", "") if judge.isolation.tier == report.tier else ("another tier", "")
    except IsolationError as e:
        error = (e.message, e.hint)
    lacks = {f.name: f.fix for f in report.features if not f.ok}
    print(json.dumps({"tier": report.tier, "lacks": lacks, "error": error}))


if __name__ == "__main__":
    sys.path.insert(0, str(SOURCE))
    main(sys.argv[1:])
