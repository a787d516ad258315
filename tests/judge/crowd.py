"""Many attacks at once, through one judge of two slots and through several judges.

A program of its own, so that what is counted is its own:

    python tests/judge/crowd.py

prints JSON: what came of each attack, and what was there before and after.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # it is run as a program too

from judge import zoo

THREADS = 64
JUDGES = (2, 1, 1)
"""Slots of each judge."""
LARGE = {"source_long", "source_terms"}
"""These say nothing more in a crowd, and take seconds of processor time each."""
MADE = ("/x", "/y", "/tmp/x", "/usr/lib/x", "/etc/x", "/dev/shm/x", "/dev/shm/lathe", "/var/tmp/x")


def kernel_objects() -> dict[str, list[str]]:
    """What outlives processes: SysV objects, keys, names of sockets, files attacks make."""
    found: dict[str, list[str]] = {"files": [p for p in MADE if Path(p).exists()]}
    for name in ("shm", "sem", "msg"):
        found[name] = Path(f"/proc/sysvipc/{name}").read_text().splitlines()[1:]
    # By the name that attacks give one: engines of this machine have sockets of their own.
    found["sockets"] = [n for n in Path("/proc/net/unix").read_text().split() if n == "@lathe"]
    keys = Path("/proc/keys")
    found["keys"] = (
        [k for k in keys.read_text().splitlines() if "lathe" in k] if keys.exists() else []
    )
    return found


def below(pid: int) -> list[int]:
    """All processes under one."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdigit():
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def state() -> dict[str, Any]:
    return {
        "kernel": kernel_objects(),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "processes": len(below(os.getpid())),
        "environment": sorted(os.environ),
        "memory": int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize(),
        "working folder": sorted(p.name for p in Path.cwd().iterdir()),
    }


def main() -> None:
    from codelathe.core.judging import Candidate, Case, Limits
    from codelathe.core.problem import CallExample
    from codelathe.judge import SandboxJudge

    def case(text: str) -> Any:
        seconds = min(float(zoo.metadata(text).get("seconds", 2.0)), 2.0)
        return Case(
            Candidate(zoo.source(text), entry_point="solve"),
            (CallExample("1", "'answer-1'", (1,), "answer-1"),),
            Limits(seconds=seconds, memory_mb=256, output_bytes=1 << 16),
        )

    honest = Case(
        Candidate("def solve(n):\n    return n", entry_point="solve"),
        (CallExample("7", "7", (7,), 7),),
        Limits(seconds=30.0),
    )
    cases = {n: case(t) for n, t in zoo.attacks().items() if n not in LARGE}
    judges = [SandboxJudge(slots=slots) for slots in JUDGES]
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    for judge in judges:
        list(judge.judge([honest] * THREADS))  # so that all of its slots stand
    before = state()

    def one(job: tuple[int, str]) -> tuple[str, str, str]:
        number, name = job
        judge = judges[number % len(judges)]
        (attack,), (after,) = judge.judge([cases[name], honest])
        return name, str(attack.status), str(after.status)

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(one, enumerate(cases)))
        memory = list(pool.map(one, [(n, "memory_bit_by_bit") for n in range(THREADS)]))
    grown = state()
    survived = bystander.poll() is None
    for judge in judges:
        judge.close()
    bystander.communicate()
    until = time.monotonic() + 20
    while below(os.getpid()) and time.monotonic() < until:
        time.sleep(0.02)
    print(json.dumps({
        "answers": answers, "memory": memory, "before": before, "grown": grown, "after": state(),
        "survived": survived,
    }))  # fmt: skip


if __name__ == "__main__":
    sys.path.insert(0, str(zoo.SOURCE))
    main()
