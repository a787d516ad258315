"""HumanEval, greedy: codelathe's batch engine beside xllamacpp one prompt after another.

Both sides get the same prompts and the same model, each in a process of its own. The peer is
driven as its README shows, with 512 tokens at most and a stop at the closing fence; its threads
spin while they wait, which is the fastest where nothing else runs, and slow where something does:
run it on a quiet machine. What is printed are ratios of one run; answers are judged by their own
tests.

    python benches/generate.py --model MODEL.gguf --json generate.json
    python benches/generate.py --model MODEL.gguf --every 1 --sides openvino
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codelathe.core.generation import Engine, Request, Sampling
from humaneval import (
    MAX_TOKENS,
    PROTOCOLS,
    STOP,
    Task,
    default_model,
    judge,
    load_tasks,
    paired_p,
    request,
    template,
    watch,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=Path, help="a GGUF file; else the default model")
    parser.add_argument("--data", type=Path, default=None, help="HumanEval.jsonl.gz")
    parser.add_argument("--every", type=int, default=5, help="take every N-th problem")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="chat")
    parser.add_argument("--sides", default="openvino,peer", help=f"of {', '.join(SIDES)}")
    parser.add_argument("--cache", type=Path, default=None, help="keep the converted model here")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    parser.add_argument("--side", choices=SIDES, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.model = options.model or default_model()
    tasks = load_tasks(options.data, options.every)
    if options.side:
        print(json.dumps(SIDES[options.side](tasks, options)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        options.cache = options.cache or Path(scratch)
        figures = {side: measure(side, tasks, options) for side in options.sides.split(",")}
    report(figures, tasks, options)


def measure(side: str, tasks: list[Task], options: argparse.Namespace) -> dict[str, Any]:
    """Run one side in a process of its own and judge what it wrote."""
    command = [sys.executable, __file__, "--side", side, "--model", options.model]
    command += ["--every", str(options.every), "--protocol", options.protocol]
    command += ["--cache", options.cache, *(["--data", options.data] if options.data else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    figures["passed"] = judge(tasks, figures["answers"], options.protocol)
    print(
        f"{side:9} {sum(figures['passed'].values()):3} of {len(tasks)} passed, "
        f"{figures['seconds']:7.1f} s, load {figures['load_seconds']:5.1f} s, "
        f"{figures['tokens']:6} tokens, peak {figures['peak_gib']:.2f} GiB, "
        f"first text after {figures['first_text']:.2f} s",
        flush=True,
    )
    return figures


def report(figures: dict[str, Any], tasks: list[Task], options: argparse.Namespace) -> None:
    summary: dict[str, Any] = {
        "problems": len(tasks),
        "protocol": options.protocol,
        "model": options.model.name,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "sides": figures,
    }
    if {"openvino", "peer"} <= figures.keys():
        ours, peer = figures["openvino"], figures["peer"]
        only_peer, only_ours, p = paired_p(peer["passed"], ours["passed"])
        with_load = (peer["seconds"] + peer["load_seconds"]) / (
            ours["seconds"] + ours["load_seconds"]
        )
        summary |= {"ratio": peer["seconds"] / ours["seconds"], "ratio_with_load": with_load}
        summary |= {"only_peer": only_peer, "only_ours": only_ours, "p": p}
        print(
            f"{summary['ratio']:.1f} times less wall time ({with_load:.1f} with loading); "
            f"passed only by the peer {only_peer}, only here {only_ours} (paired p {p:.2f})"
        )
    if options.json:
        options.json.write_text(json.dumps(summary, indent=1), encoding="utf-8")


def run_engine(
    open_engine: Callable[[argparse.Namespace], Engine],
) -> Callable[[list[Task], argparse.Namespace], dict[str, Any]]:
    """A side that is one of codelathe's engines, ended by the rule for complete functions."""

    def run(tasks: list[Task], options: argparse.Namespace) -> dict[str, Any]:
        begun = time.perf_counter()
        engine = open_engine(options)
        list(engine.generate([Request(prompt="x", sampling=Sampling(max_tokens=1))]))
        loaded = time.perf_counter()
        ended = watch(tasks, options.protocol)
        first: list[float] = []

        def look(index: int, choice: int, text: str) -> bool:
            if not first:
                first.append(time.perf_counter() - begun)
            return ended(index, choice, text)

        done = list(engine.generate([request(t, options.protocol) for t in tasks], look))
        seconds = time.perf_counter() - loaded
        engine.close()
        return {
            "answers": {tasks[c.request].id: c.text for c in done},
            "seconds": seconds,
            "load_seconds": loaded - begun,
            "first_text": first[0],
            "tokens": sum(c.completion_tokens for c in done),
            "peak_gib": peak_gib(),
        }

    return run


def open_openvino(options: argparse.Namespace) -> Engine:
    from codelathe.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(options.model, template=template(options.model), cache_dir=options.cache)


def open_llamacpp(options: argparse.Namespace) -> Engine:
    from codelathe.engines.llamacpp import LlamaCppEngine

    return LlamaCppEngine(options.model, template=template(options.model))


def run_peer(tasks: list[Task], options: argparse.Namespace) -> dict[str, Any]:
    """Xllamacpp by itself, one prompt after another."""
    import xllamacpp

    begun = time.perf_counter()
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(options.model)
    parameters.n_ctx = 4096
    parameters.verbosity = -1
    server = xllamacpp.Server(parameters)
    loaded = time.perf_counter()
    render = template(options.model)
    answers, tokens, first = {}, 0, 0.0
    for task in tasks:
        asked = request(task, options.protocol)
        answer = server.handle_completions(
            {
                "prompt": render(asked.messages) + asked.prefill,
                "max_tokens": MAX_TOKENS,
                "temperature": 0,
                "stop": [STOP],
            }
        )
        answers[task.id] = answer["choices"][0]["text"]
        tokens += answer["usage"]["completion_tokens"]
        first = first or time.perf_counter() - begun
    return {
        "answers": answers,
        "seconds": time.perf_counter() - loaded,
        "load_seconds": loaded - begun,
        "first_text": first,
        "tokens": tokens,
        "peak_gib": peak_gib(),
    }


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


SIDES: dict[str, Callable[[list[Task], argparse.Namespace], dict[str, Any]]] = {
    "openvino": run_engine(open_openvino),
    "llamacpp": run_engine(open_llamacpp),
    "peer": run_peer,
}


if __name__ == "__main__":
    main()
