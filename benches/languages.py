"""Seconds a sample in each language, beside a bare compile-and-run of the same by hand.

By hand means the same sources, the same commands with the same flags and the same precompiled
parts, run by `subprocess` on the same processor, without isolation, limits or comparison. Each
sample is new to the judge in each round, so it keeps nothing of it. Both are measured in turns;
a first round, in which what is built once is built, does not count, and of the others the best
of each does: what else the machine is doing can only add to it.

    python benches/languages.py --json languages.json

Samples are HumanEvalPack's canonical solutions with their tests, every tenth of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from codelathe.benchmarks.opening import open_benchmark
from codelathe.core.errors import LanguageError, LatheError
from codelathe.core.judging import Candidate, Case, Limits, Status
from codelathe.judge import SandboxJudge, artefacts, languages
from codelathe.judge.inside.rooms import KITS
from codelathe.judge.programs import kit_name
from codelathe.judge.toolchains.base import OUT, PROGRAM, Build, Toolchain

NAMES = ("js", "cpp", "java", "go", "rust")
LIMITS = Limits(seconds=60.0, memory_mb=2048)
WORD = b"a-word-in-place-of-the-nonce\n"
GOAL = 1.15
"""What the judge may take, of what it takes by hand."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=None, help="the folder of the data files")
    parser.add_argument("--languages", nargs="+", default=NAMES, choices=NAMES)
    parser.add_argument("--every", type=int, default=10, help="take every so many samples")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in turns; the best counts")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    options = parser.parse_args()
    if options.data:
        os.environ["CODELATHE_DATA"] = str(options.data)
    processor = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, [processor])  # the slot takes it over, and so does what is by hand
    figures: dict[str, Any] = {"goal": GOAL, "languages": {}}
    with SandboxJudge(slots=1) as judge:
        figures["tier"] = judge.isolation.tier
        for name in options.languages:
            found = measure(judge, name, options.every, options.rounds)
            figures["languages"][name] = found
            print(render(name, found), flush=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(judge: SandboxJudge, name: str, every: int, rounds: int) -> dict[str, Any]:
    """Both in turns. A language that is not here is told as such."""
    try:
        tasks = list(open_benchmark(f"humanevalpack-synthesize-{name}").tasks.values())[::every]
    except LatheError as error:
        sys.exit(f"{error.message}: {error.hint}")
    toolchain = languages.toolchain(tasks[0].problem.language)
    if isinstance(toolchain, LanguageError):
        return {"missing": toolchain.message}
    cases = [
        Case(Candidate(t.canonical, t.problem.language), t.problem.tests, LIMITS) for t in tasks
    ]
    judged(judge, cases[:2], "once")
    ours, theirs = [], []
    for number in range(rounds + 1):
        ours.append(judged(judge, cases, f"{os.getpid()}-{number}"))
        theirs.append(by_hand(toolchain, cases))
    seconds, bare = min(s for s, _ in ours[1:]), min(s for s, _ in theirs[1:])
    return {
        "toolchain": toolchain.version,
        "samples": len(cases),
        "passed": ours[-1][1],
        "passed_by_hand": theirs[-1][1],
        "seconds_a_sample": seconds / len(cases),
        "seconds_a_sample_by_hand": bare / len(cases),
        "ratio": seconds / bare,
    }


def judged(judge: SandboxJudge, cases: Sequence[Case], remark: str) -> tuple[float, int]:
    """Seconds for all, and how many passed."""
    new = [
        replace(c, candidate=replace(c.candidate, code=f"{c.candidate.code}\n// {remark}\n"))
        for c in cases
    ]
    began = time.perf_counter()
    verdicts = [v for answer in judge.judge(new) for v in answer]
    return time.perf_counter() - began, sum(v.status is Status.PASSED for v in verdicts)


def by_hand(toolchain: Toolchain, cases: Sequence[Case]) -> tuple[float, int]:
    """The same without a judge."""
    made = toolchain.kit(test=True)
    kit = kit_name(toolchain, made) if made else ""
    total, passed = 0.0, 0
    for case in cases:
        (suite,) = case.examples
        build = toolchain.test(case.candidate.code, suite, kit)
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            passed += one_by_hand(toolchain, build, Path(folder))
            total += time.perf_counter() - began
    return total, passed


def one_by_hand(toolchain: Toolchain, build: Build, folder: Path) -> bool:
    """Write the sources, compile, run: whether it came to its last statement."""
    (folder / OUT).mkdir()
    for file, text in build.sources.items():
        (folder / file).write_text(text)
    environment = {**os.environ, **toolchain.environment}
    places = {KITS: str(artefacts.kits()), "=/w": f"={folder}"}
    for command in build.commands:
        run(command, folder, places, environment)
    last = toolchain.run(build, LIMITS)
    environment |= last.environment
    if last.native:
        return WORD in run((f"./{OUT}/{PROGRAM}",), folder, {}, environment)
    at = folder / OUT if build.commands else folder
    return WORD in run(last.argv, at, places, environment)


def run(
    command: Sequence[str], folder: Path, places: Mapping[str, str], environment: Mapping[str, str]
) -> bytes:
    words = list(command)
    for inside, outside in places.items():
        words = [word.replace(inside, outside) for word in words]
    done = subprocess.run(
        words, cwd=folder, env=environment, input=WORD, capture_output=True, check=False
    )
    return done.stdout


def render(name: str, found: Mapping[str, Any]) -> str:
    if "missing" in found:
        return f"{name:5} {found['missing']}"
    return (
        f"{name:5} {found['seconds_a_sample']:.3f} s a sample, by hand "
        f"{found['seconds_a_sample_by_hand']:.3f} s: {found['ratio']:.2f} times; "
        f"{found['passed']} of {found['samples']} passed, by hand {found['passed_by_hand']} "
        f"({found['toolchain']})"
    )


if __name__ == "__main__":
    main()
