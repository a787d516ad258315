"""Models from nothing: a 10M decoder's validation loss, an encoder-decoder's BLEU on its own pairs.

Both learn from the functions of the Python that runs this. The decoder's validation losses are
compared with stored ones where the functions are the same (another version of Python has others)
and torch is; the encoder-decoder is to overfit 200 pairs of a function and the first sentence of
its docstring, and its answers, greedy and by beam search, are scored by sacrebleu.

    python benches/from_scratch.py --json from_scratch.json
    python benches/from_scratch.py --short          # under two minutes
    python benches/from_scratch.py --only decoder
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import re
import sys
import sysconfig
import tempfile
import time
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from codelathe.metrics.similarity import score_texts
from codelathe.training.data.loading import load_rows
from codelathe.training.recipe_reading import parse_recipe
from codelathe.training.scratch.making import make_from_scratch
from codelathe.training.tuning import Standing, prepare_process
from codelathe.wiring import new_model

#: Two threads on any machine: how a sum is parted among threads changes its last digits.
_THREADS = "2"
_PACKAGES = ("site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo")
#: Validation losses of the decoder by step, for the functions and the torch that they are of.
_NEAR = 1e-3
_STORED: dict[str, dict[int, float]] = {
    "38f53166756cda55 torch 2.13.0": {  # Python 3.11.7
        0: 8.41179, 30: 6.39808, 60: 5.76958, 90: 5.50066, 120: 5.44067,
    },
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--short", action="store_true", help="fewer steps: a look, no figure")
    parser.add_argument("--only", choices=["decoder", "pairs"], help="one of the two")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    options = parser.parse_args()
    # As the command does, before torch is loaded, which is when these are read.
    prepare_process()
    os.environ["OMP_NUM_THREADS"] = _THREADS
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        if options.only != "pairs":
            figures["decoder"] = decoder(Path(scratch), short=options.short)
        if options.only != "decoder":
            figures["pairs"] = pairs(Path(scratch), short=options.short)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if any(figure["met"] is False for figure in figures.values()):
        sys.exit(1)


def decoder(scratch: Path, *, short: bool) -> dict[str, Any]:
    """Train ten million parameters on the library's functions; the course of its loss."""
    texts = [source for source, _ in functions() if 100 <= len(source) <= 4000]
    rows = scratch / "functions.jsonl"
    data = write(rows, [{"text": text} for text in texts])
    made, seconds = train({
        "out": str(scratch / "decoder"),
        "data": {"files": [str(rows)], "max_length": 256, "long": "split", "against": [],
                 "validation": 0.01, "test": 0.0},
        "scratch": {"architecture": "llama", "size": "10M", "vocabulary": 4096},
        "train": {"steps": 8 if short else 120, "rows": 8, "evaluate_every": 4 if short else 30,
                  "save_every": 1000, "warmup": 0.05, "precision": "float32"},
    })  # fmt: skip
    losses = validations(scratch / "decoder")
    key = f"{data[:16]} torch {version('torch').partition('+')[0]}" + (" short" if short else "")
    stored = _STORED.get(key)
    met = (
        None if stored is None else all(abs(losses[s] - loss) <= 1e-3 for s, loss in stored.items())
    )
    print(f"decoder: {made.shape.parameters:,} parameters, {len(texts):,} functions, "
          f"{seconds:.0f} s, {made.tuned.tokens_per_second:.0f} tokens/s")  # fmt: skip
    for step, loss in losses.items():
        told = f"   stored {stored[step]:.4f}" if stored else ""
        print(f"  step {step:4}  validation loss {loss:.4f}{told}")
    print(f"  key {key!r}: " + ("nothing stored for it" if met is None else f"as stored: {met}"))
    return {"key": key, "validation": losses, "seconds": seconds, "met": met,
            "parameters": made.shape.parameters}  # fmt: skip


def pairs(scratch: Path, *, short: bool) -> dict[str, Any]:
    """Learn 200 pairs by heart, and answer them greedily and by beam search."""
    wanted = 200
    found = [
        {"prompt": bare, "completion": said}
        for source, tree in functions()
        if 60 <= len(source) <= 600
        and (said := sentence(tree))
        and (bare := without_docstring(tree))
    ]
    chosen = found[:: max(1, len(found) // wanted)][:wanted]
    rows = scratch / "pairs.jsonl"
    write(rows, chosen)
    made, seconds = train({
        "out": str(scratch / "pairs"),
        "data": {"files": [str(rows)], "max_length": 192, "against": [], "validation": 0.0,
                 "test": 0.0, "near": 0},
        "scratch": {"architecture": "encoder-decoder", "layers": 2, "width": 128, "heads": 4,
                    "vocabulary": 1024, "dropout": 0.0},
        "train": {"steps": 40 if short else 600, "rows": 20, "learning_rate": 1e-3,
                  "warmup": 0.05, "save_every": 10_000},
    })  # fmt: skip
    scores = {}
    for name, path in made.answers.items():
        answers = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        (score,) = score_texts(
            [a["prediction"] for a in answers], [a["reference"] for a in answers], ["bleu"]
        )
        scores[name] = 100 * score.value
    print(f"pairs: {made.shape.parameters:,} parameters, {len(chosen)} pairs, {seconds:.0f} s, "
          f"loss {made.tuned.loss:.4f}; BLEU "
          + ", ".join(f"{name} {score:.1f}" for name, score in scores.items()))  # fmt: skip
    met = None if short else min(scores.values()) >= 90
    return {"bleu": scores, "loss": made.tuned.loss, "seconds": seconds, "met": met,
            "parameters": made.shape.parameters}  # fmt: skip


def train(document: dict[str, Any]) -> tuple[Any, float]:
    recipe = parse_recipe(document)
    loaded = load_rows([Path(name) for name in recipe.data.files])
    began = time.monotonic()
    made = make_from_scratch(loaded.rows, recipe, new_model, Watcher())
    return made, time.monotonic() - began


class Watcher:
    """Says how far it is now and then."""

    def hear(self, now: Standing, /) -> None:
        """Every fifty steps."""
        if now.step % 50 == 0:
            print(f"  {now.step}/{now.steps} loss {now.loss:.4f}, {now.left:.0f} s left",
                  file=sys.stderr)  # fmt: skip

    def say(self, message: str, /) -> None:
        """Every message."""
        print(f"  {message}", file=sys.stderr)


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of the standard library at the top of their modules, once each."""
    library = Path(sysconfig.get_path("stdlib"))
    seen = set()
    for file in sorted(library.rglob("*.py")):
        if any(part in _PACKAGES for part in file.relative_to(library).parts):
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                source = "\n".join(dedented(text.splitlines()[node.lineno - 1 : node.end_lineno]))
                if source not in seen:
                    seen.add(source)
                    yield source, node


def dedented(lines: list[str]) -> list[str]:
    margin = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    return [line[margin:] if not line[:margin].strip() else line for line in lines]


def sentence(tree: ast.FunctionDef) -> str:
    """The first sentence of the docstring on one line, where it has between 3 and 25 words."""
    paragraph = (ast.get_docstring(tree) or "").split("\n\n")[0]
    first = re.split(r"(?<=\.)\s", " ".join(paragraph.split()))[0]
    return first if 3 <= len(first.split()) <= 25 else ""


def without_docstring(tree: ast.FunctionDef) -> str:
    """The function as Python writes it, less its docstring; nothing where that is all of it."""
    body = tree.body[1:]
    return ast.unparse(ast.FunctionDef(**{**dict(ast.iter_fields(tree)), "body": body}, lineno=1)
                       ) if body else ""  # fmt: skip


def validations(folder: Path) -> dict[int, float]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {row["step"]: row["validation_loss"] for row in rows if "validation_loss" in row}


def write(path: Path, rows: list[dict[str, str]]) -> str:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    main()
