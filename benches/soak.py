"""Many runs in a row in one judge: processes, descriptors, mounts and memory before and after.

The candidates are a mixture of honest, wrong, looping, crashing, leaking and forging code,
under examples and hidden tests of both kinds. Nothing of what is counted may grow.

    python benches/soak.py --runs 100000 --json soak.json
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codelathe.core.judging import Candidate, Case, Limits
from codelathe.core.problem import CallExample, Suite
from codelathe.judge import SandboxJudge

CALLS = tuple(CallExample(str(n), str(2 * n), (n,), 2 * n) for n in range(5))
EXAMPLE = CALLS[1]
TEST = Suite("for n in range(5):\n    assert f(n) == 2 * n", calls=CALLS)
GENERAL = Suite("for n in range(5):\n    assert f(n) == 2 * n")
RIGHT = "def f(n):\n    return 2 * n"
FORGED = "class Y:\n    __eq__ = lambda s, o: True\ndef f(n):\n    return Y()"
#: code and how often it comes in a hundred
CODES = {
    RIGHT: 70,
    "def f(n):\n    return n": 12,
    "def f(n)": 3,
    "def f(n):\n    raise ValueError": 3,
    "import os\ndef f(n):\n    os._exit(1)": 2,
    "import ctypes\ndef f(n):\n    ctypes.string_at(0)": 1,
    "def f(n):\n    return bytearray(1 << 40)": 1,
    "def f(n):\n    open('left', 'w').write('x' * 9999)\n    return 2 * n": 1,
    "import os\ndef f(n):\n    os.write(3, b'x' * 99)": 1,
    "import threading\ndef f(n):\n    threading.Thread(target=threading.Event().wait).start()"
    "\n    return 2 * n": 2,
    FORGED: 3,
    "def f(n):\n    while True: pass": 1,
}


def cases(runs: int) -> Iterator[Case]:
    mixture = [code for code, count in CODES.items() for _ in range(count)]
    limits = Limits(seconds=0.2, memory_mb=256)
    for i in range(runs):
        example = (EXAMPLE, TEST, GENERAL)[i % 3]
        code = mixture[i * 37 % len(mixture)]
        yield Case(Candidate(code, entry_point="f"), (example,), limits)


def below(pid: int) -> list[int]:
    """All processes below `pid`."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def figures() -> dict[str, int]:
    """What is counted, of this process and of those below it."""
    pids = below(os.getpid())
    pages = [int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in (os.getpid(), *pids)]
    return {
        "processes": len(pids),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "mounts": len(Path("/proc/self/mounts").read_text().splitlines()),
        "own_memory_mb": pages[0] * os.sysconf("SC_PAGESIZE") >> 20,
        "slots_memory_mb": sum(pages[1:]) * os.sysconf("SC_PAGESIZE") >> 20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    options = parser.parse_args()
    statuses: Counter[str] = Counter()
    with SandboxJudge(options.workers) as judge:
        list(judge.judge(cases(300)))  # every path once, every buffer at its size
        before, began = figures(), time.perf_counter()
        for (verdict,) in judge.judge(cases(options.runs)):
            statuses[str(verdict.status)] += 1
        seconds, after = time.perf_counter() - began, figures()
    result: dict[str, Any] = {
        "runs": options.runs,
        "per_second": round(options.runs / seconds),
        "statuses": dict(statuses),
        "before": before,
        "after": after,
        "left_processes": len(below(os.getpid())),
    }
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
