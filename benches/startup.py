"""How long a person waits: for each help text, and for the first text of a real answer.

    python benches/startup.py [--runs 9] [--model REF] [--json FILE]

Help is timed as a whole process beside `python -c pass`, in turns; the ratio is the part
that is codelathe's. The first text is timed in a pseudo-terminal, from starting
`lathe generate` to the first character of code on the screen, with the model in the store.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path

from codelathe.cli import VERBS
from codelathe.wiring import DEFAULT_MODEL

LATHE = [sys.executable, "-m", "codelathe"]
PROMPT = "Write a Python function to reverse a string."


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def help_times(runs: int) -> dict[str, dict[str, float]]:
    rows = {}
    for args in (["--help"], *([verb, "--help"] for verb in VERBS)):
        pairs = [
            (seconds([*LATHE, *args]), seconds([sys.executable, "-c", "pass"])) for _ in range(runs)
        ]
        ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
        rows[" ".join(args)] = {"ms": ours * 1e3, "python_ms": bare * 1e3}
    return rows


def first_text(model: str) -> float:
    """Seconds from start until code stands on a terminal's screen."""
    started = time.perf_counter()
    child, screen = pty.fork()
    if child == 0:
        os.execv(LATHE[0], [*LATHE, "generate", PROMPT, "--model", model])
    seen = b""
    try:
        while b"def" not in seen:  # highlighted: no space may follow
            if not select.select([screen], [], [], 120)[0]:
                raise TimeoutError("no text within 120 s")
            seen += os.read(screen, 4096)
        return time.perf_counter() - started
    finally:
        try:
            while os.read(screen, 4096):
                pass
        except OSError:
            pass
        os.waitpid(child, 0)
        os.close(screen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()

    report: dict[str, object] = {"help": help_times(args.runs)}
    for name, row in report["help"].items():  # type: ignore[attr-defined]
        print(f"lathe {name:18} {row['ms']:6.0f} ms   (bare python {row['python_ms']:.0f} ms)")
    first_text(args.model)  # fetches, and warms the file cache
    times = [first_text(args.model) for _ in range(max(3, args.runs // 3))]
    report["first_text_s"] = {"median": statistics.median(times), "all": times}
    print(f"first text {statistics.median(times):.2f} s   (of {len(times)} runs)")
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
