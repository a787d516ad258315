"""HumanEval by torch: the engine `transformers` beside plain `model.generate`.

The same weights, prompts and end, greedy: a chat whose answer's fence is opened, over at the
closing fence. The peer is driven in the two usual ways: one prompt after another, and all in one
batch padded on the left. Each side runs in a process of its own; processor seconds are told
beside wall seconds, since only they mean something on a machine that is shared.

    python benches/checkpoints.py --model MODEL.gguf --json checkpoints.json
    python benches/checkpoints.py --model MODEL.gguf --sides engine --precision bfloat16
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from codelathe.core.generation import Request, Sampling
from humaneval import STOP, Task, load_tasks, request, template

MAX_TOKENS = 256
Write = Callable[[Sequence[str], int], tuple[list[str], int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument("--data", type=Path, default=None, help="HumanEval.jsonl.gz")
    parser.add_argument("--every", type=int, default=5, help="take every N-th problem")
    parser.add_argument("--sides", default="engine,padded,single", help=f"of {', '.join(SIDES)}")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    parser.add_argument("--side", choices=SIDES, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    tasks = load_tasks(options.data, options.every)
    if options.side:
        print(json.dumps(run(options.side, tasks, options)))
        return
    found = {side: _in_process(side) for side in options.sides.split(",")}
    _print(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def run(side: str, tasks: Sequence[Task], options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one side: loading is not counted, reading the prompts is."""
    render = template(options.model)
    asked = [request(task, "chat") for task in tasks]
    prompts = [render(one.messages) + one.prefill for one in asked]
    write = SIDES[side](options)
    write(prompts[:1], 1)  # what is loaded or made at first use
    wall, busy = time.monotonic(), time.process_time()
    texts, tokens = write(prompts, MAX_TOKENS)
    return {
        "seconds": round(time.monotonic() - wall, 1),
        "cpu_seconds": round(time.process_time() - busy, 1),
        "tokens": tokens,
        "texts": texts,
    }


def engine(options: argparse.Namespace) -> Write:
    from codelathe.engines.transformers import TransformersEngine

    opened = TransformersEngine(options.model, precision=options.precision)

    def write(prompts: Sequence[str], tokens: int) -> tuple[list[str], int]:
        sampling = Sampling(max_tokens=tokens, stop=(STOP,))
        answers = list(opened.generate([Request(prompt=p, sampling=sampling) for p in prompts]))
        answers.sort(key=lambda answer: answer.request)
        return [a.text for a in answers], sum(a.completion_tokens for a in answers)

    return write


def padded(options: argparse.Namespace) -> Write:
    import torch
    import transformers

    folder, file = str(options.model.parent), options.model.name
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder,
        gguf_file=file,
        quantization_config=transformers.GgufConfig(dequantize=True),
        dtype=getattr(torch, options.precision),
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        folder, gguf_file=file, padding_side="left"
    )

    def write(prompts: Sequence[str], tokens: int) -> tuple[list[str], int]:
        batch = tokenizer(list(prompts), return_tensors="pt", padding=True)
        batch.pop("token_type_ids", None)
        start = batch["input_ids"].shape[1]
        written = model.generate(
            **batch,
            do_sample=False,
            max_new_tokens=tokens,
            stop_strings=[STOP],
            tokenizer=tokenizer,
        )[:, start:]
        texts = tokenizer.batch_decode(written, skip_special_tokens=True)
        count = int((written != tokenizer.pad_token_id).sum())
        return [text.partition(STOP)[0] for text in texts], count

    return write


def single(options: argparse.Namespace) -> Write:
    one = padded(options)

    def write(prompts: Sequence[str], tokens: int) -> tuple[list[str], int]:
        found = [one([prompt], tokens) for prompt in prompts]
        return [text for texts, _ in found for text in texts], sum(n for _, n in found)

    return write


SIDES = {"engine": engine, "padded": padded, "single": single}


def _in_process(side: str) -> dict[str, Any]:
    command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{side}: {found['seconds']} s", file=sys.stderr)
    return found


def _print(found: dict[str, dict[str, Any]]) -> None:
    first = next(iter(found.values()))
    print(f"{'side':8} {'wall s':>8} {'cpu s':>8} {'tokens':>7} {'ratio':>6} {'cpu':>6} equal")
    for side, one in found.items():
        wall, busy = (one[k] / first[k] for k in ("seconds", "cpu_seconds"))
        equal = sum(a == b for a, b in zip(one["texts"], first["texts"], strict=True))
        print(
            f"{side:8} {one['seconds']:8} {one['cpu_seconds']:8} {one['tokens']:7} "
            f"{wall:6.2f} {busy:6.2f} {equal} of {len(one['texts'])}"
        )


if __name__ == "__main__":
    main()
