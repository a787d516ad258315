"""Pruning a real model: perplexity on code, seconds, peak memory, bytes, method by method.

Every method runs in a process of its own, as `lathe compress prune` does, and its peak memory is
that of the process. Then the model as it was and each result are measured on the same held-out
code (passages of the standard library that calibration does not read). The figures hold if

    dense < sparsegpt, wanda < l1, and l1 is at least twice as far from dense as they are.

    python benches/prune.py --json prune.json
    python benches/prune.py --methods wanda --sparsity 0.7
    python benches/prune.py --model qwen2.5-coder-1.5b --methods wanda --windows 16
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="smollm2-135m", help="a ModelRef")
    parser.add_argument("--methods", default="l1,wanda,sparsegpt", help="of them, with commas")
    parser.add_argument("--sparsity", type=float, default=0.5)
    parser.add_argument("--precision", default="auto", help="as of lathe compress prune")
    parser.add_argument("--samples", type=int, default=64, help="calibration windows of 512 tokens")
    parser.add_argument("--windows", type=int, default=64, help="held-out windows of 512 tokens")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    parser.add_argument("--measure", nargs=2, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure, options.windows)))
        return
    methods = options.methods.split(",")
    rows = {}
    with tempfile.TemporaryDirectory() as scratch:
        for method in methods:
            rows[method] = prune(options, method, Path(scratch) / method)
        folders = {method: str(Path(scratch) / method) for method in methods}
        precision = next(iter(rows.values()))["precision"]
        dense = perplexity(options, options.model, precision)
        for method, folder in folders.items():
            rows[method] |= perplexity(options, folder, precision)
    figures = {
        "model": options.model, "sparsity": options.sparsity, "precision": precision,
        "dense": dense, "methods": rows, **gaps(dense, rows),
    }  # fmt: skip
    show(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def prune(options: argparse.Namespace, method: str, out: Path) -> dict[str, Any]:
    """Run the verb; its own figures, the seconds of the process and its peak memory."""
    command = [
        sys.executable, "-c", _WATCHED, "compress", "prune", options.model, "--method", method,
        "--sparsity", str(options.sparsity), "--precision", options.precision,
        "--samples", str(options.samples), "--out", str(out), "--json", "--quiet",
    ]  # fmt: skip
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{method}: {done.stderr}")
    told = json.loads(done.stdout)
    return {
        "seconds": round(time.monotonic() - began, 1),
        "peak_mib": int(done.stderr.split()[-1]) // _MIB,
        "reached": told["reached"],
        "packed_share": round(told["bytes"]["stored"] / told["bytes"]["dense"], 4),
        "bytes": told["bytes"],
        "precision": next(iter(told["precisions"])),
    }


#: The verb, and behind it on standard error the peak memory of its process in bytes.
_WATCHED = """
import sys
from codelathe.cli import run
from codelathe.core.fresh import peak_memory
code = run(sys.argv[1:])
print(peak_memory(), file=sys.stderr)
sys.exit(code)
"""


def perplexity(options: argparse.Namespace, model: str, precision: str) -> dict[str, Any]:
    """The perplexity of a model, measured in a process of its own."""
    command = [
        sys.executable, __file__, "--measure", model, precision,
        "--windows", str(options.windows),
    ]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(model: str, precision: str, count: int) -> dict[str, Any]:
    from codelathe.compression.calibration import WINDOW, cut_windows, library_texts
    from codelathe.compression.perplexity import measure_perplexity
    from codelathe.core.fresh import peak_memory
    from codelathe.wiring import open_checkpoint

    opened = open_checkpoint(model, precision)
    tokenizer = opened.tokenizer
    windows = cut_windows(
        library_texts("held out"),
        lambda text: tokenizer(text, add_special_tokens=False)["input_ids"],
        count, WINDOW, tokenizer.eos_token_id,
    )  # fmt: skip
    found = measure_perplexity(opened.model, windows.ids)
    return {
        "perplexity": round(found.value, 4), "tokens": found.tokens,
        "windows_sha256": windows.sha256[:16], "measuring_peak_mib": peak_memory() // _MIB,
    }  # fmt: skip


def gaps(dense: dict[str, Any], rows: dict[str, Any]) -> dict[str, Any]:
    """How far each method is from dense, as a part of how far l1 is."""
    if "l1" not in rows:
        return {}
    far = rows["l1"]["perplexity"] - dense["perplexity"]
    return {
        "gap_to_l1": {
            method: round((row["perplexity"] - dense["perplexity"]) / far, 3)
            for method, row in rows.items()
        }
    }


def show(figures: dict[str, Any]) -> None:
    dense = figures["dense"]
    print(
        f"{figures['model']} at {figures['sparsity']:.0%}, {figures['precision']}; "
        f"{dense['tokens']:,} held-out tokens"
    )
    print(f"{'':12}{'perplexity':>12}{'gap to l1':>11}{'packed':>8}{'seconds':>9}{'MiB':>7}")
    print(f"{'dense':12}{dense['perplexity']:12.3f}")
    for method, row in figures["methods"].items():
        gap = figures.get("gap_to_l1", {}).get(method, float("nan"))
        print(
            f"{method:12}{row['perplexity']:12.3f}{gap:11.2f}{row['packed_share']:8.1%}"
            f"{row['seconds']:9.1f}{row['peak_mib']:7,}"
        )


if __name__ == "__main__":
    main()
