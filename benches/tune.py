"""Tuning SmolLM2 beside `trl sft`: real tokens a second, memory, and what both have learned.

The same weights, rows, order, length, steps and LoRA (r 16 beside all linear layers, no dropout),
in bfloat16, no checkpointing. Rows are functions with docstrings of this Python's standard
library. The peer is its own command in a process of its own; so is ours. Tokens are those of
rows, never padding, over the time that each says its steps took. Afterwards one and the same
function, by plain transformers and PEFT, computes the validation loss of both adapters.

    python benches/tune.py --json tune.json
    python benches/tune.py --steps 6 --sides ours
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MODEL = "smollm2-135m"
LENGTH = 512
RATE = 2e-4
SIDES = ("ours", "peer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--batch", type=int, default=4, help="rows in a step")
    parser.add_argument("--validation", type=int, default=60, help="rows for the validation loss")
    parser.add_argument("--sides", default=",".join(SIDES))
    parser.add_argument(
        "--peer-dtype", default="float32", help="trl's own default; bfloat16 is faster"
    )
    parser.add_argument("--keep", type=Path, default=None, help="work in this folder and leave it")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    parser.add_argument("--score", type=Path, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.score:
        score(options.score)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        figures = compare(folder, options)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def compare(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    counted = make(folder, options)
    print(
        f"{counted['train']} rows of {counted['mean']:.0f} tokens on average, of which the loss "
        f"counts {counted['supervised']:.0%}; {options.steps} steps of {options.batch}"
    )
    found: dict[str, Any] = {
        "data": counted,
        "steps": options.steps,
        "peer_dtype": options.peer_dtype,
    }
    for side in options.sides.split(","):
        found[side] = {"ours": ours, "peer": peer}[side](folder, options)
        found[side]["validation_loss"] = scored(folder, folder / side)
        print(
            f"{side:<5} {found[side]['tokens_per_second']:8.1f} tokens/s, "
            f"{found[side]['seconds']:7.1f} s, at most {found[side]['peak_bytes'] / 1e6:,.0f} MB, "
            f"validation loss {found[side]['validation_loss']:.4f}"
        )
    found["validation_before"] = scored(folder, None)
    print(f"before any step the validation loss is {found['validation_before']:.4f}")
    if {"ours", "peer"} <= found.keys():
        one, other = found["ours"], found["peer"]
        found["ratio"] = one["tokens_per_second"] / other["tokens_per_second"]
        found["loss_ratio"] = one["validation_loss"] / other["validation_loss"]
        found["memory_ratio"] = one["peak_bytes"] / other["peak_bytes"]
        print(
            f"{found['ratio']:.2f} times the peer's tokens/s, {found['loss_ratio']:.4f} times its "
            f"validation loss, {found['memory_ratio']:.2f} times its memory"
        )
    return found


def make(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The model as a checkpoint in 16 bits, and the rows in the form that each side reads."""
    from codelathe.training.data.rendering import Renderer
    from codelathe.training.data.rows import Pair, Row
    from codelathe.wiring import open_checkpoint

    folder.mkdir(parents=True, exist_ok=True)
    opened = open_checkpoint(options.model, "bfloat16")
    opened.model.save_pretrained(folder / "model")
    opened.tokenizer.save_pretrained(folder / "model")
    renderer = Renderer(opened.text.tokenizer, opened.text.template)
    train: list[dict[str, str]] = []
    held: list[dict[str, Any]] = []
    sizes, counts = [], []
    wanted = options.steps * options.batch
    for prompt, completion in functions():
        row = Row(Pair(prompt, completion, asked=True), "instruction", "stdlib", 0)
        tokens = renderer.render(row)
        if len(tokens) > LENGTH:
            continue
        if len(held) < options.validation:
            held.append({"ids": tokens.ids, "trained": tokens.trained})
        elif len(train) < wanted:
            train.append({"prompt": prompt, "completion": completion})
            sizes.append(len(tokens))
            counts.append(tokens.supervised)
        else:
            break
    opened.text.close()
    write(folder / "ours.jsonl", train)
    (folder / "data").mkdir(exist_ok=True)
    turns = [
        {
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "completion": [{"role": "assistant", "content": row["completion"]}],
        }
        for row in train
    ]
    write(folder / "data" / "train.jsonl", turns)
    (folder / "held.json").write_text(json.dumps(held))
    return {
        "train": len(train),
        "mean": sum(sizes) / len(sizes),
        "tokens": sum(sizes),
        "supervised": sum(counts) / sum(sizes),
    }


def write(path: Path, rows: Sequence[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def functions() -> list[tuple[str, str]]:
    """Prompts and functions, in an order that is always the same; no function twice."""
    library = Path(sysconfig.get_path("stdlib"))
    found: dict[str, str] = {}
    for path in sorted(library.rglob("*.py")):
        if {"site-packages", "dist-packages", "test", "tests"} & set(
            path.relative_to(library).parts
        ):
            continue
        try:
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and (told := ast.get_docstring(node)):
                code = ast.get_source_segment(text, node) or ""
                if len(told) > 30 and code:
                    found.setdefault(code, f"Write the function `{node.name}`. {told}")
    rows = [(prompt, code) for code, prompt in found.items()]
    random.Random(0).shuffle(rows)
    return rows


def ours(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    recipe = folder / "recipe.toml"
    recipe.write_text(
        f'out = "{folder / "ours"}"\n[model]\nname = "{folder / "model"}"\n'
        f'[data]\nfiles = ["{folder / "ours.jsonl"}"]\nmax_length = {LENGTH}\npacking = false\n'
        "validation = 0\ntest = 0\nnear = 0\noverlap = true\n"
        "[method]\nr = 16\nalpha = 32\n"
        f"[train]\nsteps = {options.steps}\nrows = {options.batch}\nlearning_rate = {RATE}\n"
        f'schedule = "cosine"\nwarmup = 0\nsave_every = {options.steps}\nprecision = "bfloat16"\n'
    )
    command = [sys.executable, "-m", "codelathe", "tune", str(recipe), "--json", "--quiet"]
    text, usage = measured(command)
    said = json.loads(text)
    return {
        "tokens_per_second": said["tokens"] / said["seconds"],
        "tokens": said["tokens"],
        "seconds": said["seconds"],
        **usage,
    }


def peer(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    command = [
        str(Path(sys.executable).with_name("trl")), "sft",
        "--model_name_or_path", str(folder / "model"), "--dataset_name", str(folder / "data"),
        "--output_dir", str(folder / "peer"), "--use_peft", "--lora_r", "16", "--lora_alpha", "32",
        "--lora_dropout", "0", "--lora_target_modules", "all-linear", "--bf16", "true",
        "--dtype", options.peer_dtype, "--max_length", str(LENGTH),
        "--per_device_train_batch_size", str(options.batch), "--gradient_checkpointing", "false",
        "--max_steps", str(options.steps), "--learning_rate", str(RATE),
        "--lr_scheduler_type", "cosine", "--warmup_steps", "0", "--logging_steps", "1",
        "--save_strategy", "no", "--report_to", "none", "--use_cpu", "true", "--seed", "0",
    ]  # fmt: skip
    text, usage = measured(command)
    seconds = float(re.findall(r"'train_runtime': '?([\d.e+]+)", text)[-1])
    tokens = float(re.findall(r"'num_tokens': '?([\d.e+]+)", text)[-1])
    return {"tokens_per_second": tokens / seconds, "tokens": tokens, "seconds": seconds, **usage}


def measured(command: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """A process's output, its time, and its peak memory, that of its children with it."""
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "CI": "1"}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as wrong:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=wrong, env={**os.environ, **quiet})
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        out.seek(0)
        wrong.seek(0)
        if status:
            raise SystemExit(f"{' '.join(command)} failed:\n{wrong.read()[-4000:]}")
        figures = {
            "wall_seconds": round(wall, 1),
            "peak_bytes": usage.ru_maxrss << 10,
            "user_seconds": round(usage.ru_utime, 1),
            "kernel_seconds": round(usage.ru_stime, 1),
            "page_faults": usage.ru_minflt,
        }
        return out.read(), figures


def scored(folder: Path, adapter: Path | None) -> float:
    """The validation loss of the model, with `adapter` where there is one."""
    order = folder / "order.json"
    order.write_text(
        json.dumps(
            {
                "model": str(folder / "model"),
                "held": str(folder / "held.json"),
                "adapter": str(adapter) if adapter else None,
            }
        )
    )
    text, _ = measured([sys.executable, __file__, "--score", str(order)])
    return float(text.split()[-1])


def score(order: Path) -> None:
    import peft
    import torch
    import transformers

    said = json.loads(order.read_text())
    model = transformers.AutoModelForCausalLM.from_pretrained(said["model"], dtype=torch.float32)
    if said["adapter"]:
        model = peft.PeftModel.from_pretrained(model, said["adapter"])
    total = count = 0.0
    with torch.no_grad():
        for row in json.loads(Path(said["held"]).read_text()):
            ids = torch.tensor([row["ids"]])
            logits = model(input_ids=ids).logits[0, :-1]
            losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
            marks = torch.tensor(row["trained"][1:])
            total += float(losses[marks].sum())
            count += int(marks.sum())
    print(total / count)


if __name__ == "__main__":
    main()
