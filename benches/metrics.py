"""Similarity metrics on 1,000 pairs: ours beside the programs they are held to, in one run.

The pairs are functions of this Python's standard library and damaged copies of them, made anew
each time from a fixed seed. The programs are installed into a folder that is thrown away and use
the grammars installed here. Times are processor seconds, the best of several rounds in turns.

codebleu merges names through sets, so that its numbers change with PYTHONHASHSEED. It is run
twice as it is, which shows by how much, and once with sets that keep their order, which is what
ours is compared with.

    python benches/metrics.py --json metrics.json [--encoder DIR]
    python benches/metrics.py --metrics bertscore --encoder DIR

BERTScore takes part where torch and transformers are installed and an encoder is named.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import inspect
import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from codelathe.metrics.similarity import Encoder, Settings, open_metric, summed

PEERS = {
    "codebleu": ("codebleu==0.7.0",),
    "rouge-l": (
        *("rouge-score==0.1.2", "nltk", "absl-py", "six", "joblib", "regex", "defusedxml"),
        *("cloudpickle", "click", "tqdm"),
    ),
    "bertscore": (
        *("bert-score==0.3.13", "pandas", "matplotlib", "requests", "tqdm", "pyparsing", "cycler"),
        *("python-dateutil", "six", "kiwisolver", "contourpy", "pillow", "fonttools", "urllib3"),
        *("charset-normalizer",),
    ),
}
READ = """
import json, logging, sys, time
logging.disable(logging.CRITICAL)
given = json.load(sys.stdin)
predictions, references = given["predictions"], given["references"]
"""
WRITE = """
json.dump({"seconds": seconds, "items": items, "value": value}, sys.stdout)
"""
CODEBLEU = """
import codebleu.dataflow_match as match
import codebleu.parser.DFG as rules
from codebleu import calc_codebleu
class Ordered(list):
    def __init__(self, items=()):
        super().__init__(dict.fromkeys(items))
    def add(self, item):
        if item not in self:
            self.append(item)
if given["ordered"]:
    rules.set = match.set = Ordered
began = time.process_time()
value = list(calc_codebleu([[r] for r in references], predictions, "python").values())
seconds = time.process_time() - began
items = [list(calc_codebleu([[r]], [p], "python").values())
         for p, r in zip(predictions, references)] if given["items"] else []
"""
ROUGE = """
from rouge_score.rouge_scorer import RougeScorer
began = time.process_time()
scorer = RougeScorer(["rougeL"], use_stemmer=False)
items = [[scorer.score(r, p)["rougeL"].fmeasure] for p, r in zip(predictions, references)]
value = [sum(item[0] for item in items) / len(items)]
seconds = time.process_time() - began
"""
BERTSCORE = """
from bert_score import BERTScorer
scorer = BERTScorer(model_type=given["encoder"], num_layers=given["layers"], lang="en")
began = time.process_time()
precision, recall, f1 = scorer.score(predictions, references)
seconds = time.process_time() - began
items = [[f, p, r] for f, p, r in zip(f1.tolist(), precision.tolist(), recall.tolist())]
value = [f1.mean().item(), precision.mean().item(), recall.mean().item()]
"""
MODULES = (
    *("argparse", "calendar", "cmd", "collections", "csv", "difflib", "fractions", "heapq"),
    *("inspect", "ipaddress", "pdb", "statistics", "textwrap", "tokenize", "zipfile", "_pydecimal"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--metrics", default=",".join(PEERS), help="of them, with commas")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encoder", default="", help="a folder with an encoder, for BERTScore")
    parser.add_argument("--json", type=Path, default=None)
    args = parser.parse_args()
    names = args.metrics.split(",")
    if unknown := [name for name in names if name not in PEERS]:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    pairs = make_pairs(args.pairs)
    report: dict[str, Any] = {
        "pairs": args.pairs,
        "characters": sum(len(text) for pair in pairs for text in pair) // (2 * args.pairs),
        "python": platform.python_version(),
    }
    with tempfile.TemporaryDirectory(prefix="lathe-bench-") as folder:
        for name in names:
            if name == "bertscore" and not (args.encoder and has_torch()):
                report[name] = "left out: torch, transformers or --encoder is not there"
                continue
            report[name] = compare(name, pairs, Path(folder) / name, args)
            print(name, json.dumps(report[name]))
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")


def compare(
    name: str, pairs: list[tuple[str, str]], folder: Path, args: argparse.Namespace
) -> dict[str, Any]:
    install(PEERS[name], folder)
    encoder = str(Path(args.encoder).resolve()) if args.encoder else ""
    metric = open_metric(name, Settings("python", Encoder(encoder) if encoder else None))
    layers = re.search(r"\|layer:(\d+)", metric.signature)
    given = {
        "predictions": [prediction for prediction, _ in pairs],
        "references": [reference for _, reference in pairs],
        "ordered": True,
        "items": True,
        "encoder": encoder,
        "layers": int(layers[1]) if layers else 0,
    }
    theirs = [peer(name, folder, given)]
    ours = []
    for _ in range(args.rounds):
        began = time.process_time()
        rows = list(metric.rows(given["predictions"], [(text,) for text in given["references"]]))
        ours.append(time.process_time() - began)
        theirs.append(peer(name, folder, {**given, "items": False}))
    found = [list(metric.scores(row).values()) for row in rows]
    total = list(metric.scores(summed(rows)).values())
    wanted, value = theirs[0]["items"], theirs[0]["value"]
    mine, his = min(ours), min(run["seconds"] for run in theirs)
    report: dict[str, Any] = {"ours_s": mine, "theirs_s": his, "times_faster": his / mine}
    report["largest_difference_of_the_corpus"] = largest([total], [value])
    if name != "codebleu":
        return {**report, "largest_difference": largest(found, wanted)}
    # A pair's whole is not compared where no flow matches: codebleu counts that as a full match.
    zero = [row[-1] > 0 and row[-2] == 0 for row in rows]
    empty = [row[-1] == 0 for row in rows]
    for item, none in zip(wanted, empty, strict=True):
        item[4] = 1.0 if none else item[4]
    for item, none_matched in zip((*found, *wanted), zero * 2, strict=True):
        item[0] = 0.0 if none_matched else item[0]
    report["largest_difference"] = largest(found, wanted)
    report["pairs_with_no_flow_matched"] = sum(zero)
    return {**report, **spread(folder, given)}


def spread(folder: Path, given: dict[str, Any]) -> dict[str, float]:
    """How far codebleu, as it is, lies from itself under another PYTHONHASHSEED."""
    plain = {**given, "ordered": False}
    first, second = (peer("codebleu", folder, plain, seed) for seed in ("0", "1"))
    gaps = [abs(a[4] - b[4]) for a, b in zip(first["items"], second["items"], strict=True)]
    return {
        "share_of_pairs_that_codebleu_answers_otherwise_next_time": sum(g > 1e-9 for g in gaps)
        / len(gaps),
        "largest_change_of_its_data_flow": max(gaps),
        "change_of_its_corpus_score": abs(first["value"][0] - second["value"][0]),
    }


def largest(found: list[list[float]], wanted: list[list[float]]) -> float:
    return max(
        abs(a - b)
        for ours, theirs in zip(found, wanted, strict=True)
        for a, b in zip(ours, theirs, strict=True)
    )


def peer(name: str, folder: Path, given: dict[str, Any], seed: str = "0") -> dict[str, Any]:
    program = {"codebleu": CODEBLEU, "rouge-l": ROUGE, "bertscore": BERTSCORE}[name]
    answer = subprocess.run(
        [sys.executable, "-c", READ + program + WRITE],
        input=json.dumps(given),
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONHASHSEED": seed},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(answer.stdout)
    return result


def install(packages: tuple[str, ...], folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
    subprocess.run([*command, *packages], check=True)


def has_torch() -> bool:
    return all(importlib.util.find_spec(name) for name in ("torch", "transformers"))


def make_pairs(count: int) -> list[tuple[str, str]]:
    """Functions and damaged copies: three lines lost or doubled, two names changed."""
    source = random.Random(3)
    functions = [function for name in MODULES for function in functions_of(name)]
    pairs = []
    for number in range(count):
        reference = functions[number % len(functions)]
        lines = reference.split("\n")
        for _ in range(3):
            at = source.randrange(1, len(lines))
            lines[at : at + 1] = (
                [] if source.random() < 0.5 and len(lines) > 3 else lines[at:][:1] * 2
            )
        text = "\n".join(lines)
        names = sorted(set(re.findall(r"\b[a-z_]{2,}\b", text)))
        for name in source.sample(names, 2):
            text = re.sub(rf"\b{name}\b", f"{name}_x", text)
        pairs.append((text, reference))
    return pairs


def functions_of(module: str) -> list[str]:
    text = inspect.getsource(import_module(module))
    return [
        textwrap.dedent(ast.get_source_segment(text, node, padded=True) or "")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 4
    ]


if __name__ == "__main__":
    main()
