"""Quantizing a real model: bytes, load time, memory, speed, and distance from the original.

Every variant is made by `lathe compress quantize` and then run by the engine that it is for, in a
process of its own, one after the other: seconds to the first token from nothing, tokens of a
prompt read in a second, tokens written in a second in one stream and in a batch of eight, and the
peak memory of the process. KL and the share of equal first choices are those that the verb
measured. The original is the same weights in 32 bits, by the engine `transformers`. The figures
hold if

    dynamic-int8 writes at least 1.3 times as fast as the original, and its weights take a quarter.

The models that are here without a hub are 4-bit GGUF files: on them q4_1 meets the file's own grid
and loses nothing at all. With --off-grid every weight is first moved by up to half a step of that
grid, at random, and the result is the original that all are measured against.

    python benches/quantize.py --off-grid --json quantize.json
    python benches/quantize.py --json quantize.json
    python benches/quantize.py --methods dynamic-int8,openvino-int8 --work /tmp/variants
    python benches/quantize.py --model ./my-model --tokens 128
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codelathe.core.generation import Completion, Engine

#: Method -> the engine that it is measured with.
ENGINES = {
    "fp32": "transformers", "dynamic-int8": "transformers", "int8": "transformers",
    "nf4": "transformers", "openvino-int8": "openvino", "openvino-int4": "openvino",
    "openvino-int4-awq": "openvino", "q8_0": "llamacpp", "q5_1": "llamacpp", "q4_1": "llamacpp",
}  # fmt: skip
USUAL = "fp32,dynamic-int8,nf4,openvino-int8,openvino-int4,openvino-int4-awq,q8_0,q4_1"
_BATCH, _ROUNDS = 8, 3
#: Characters of a prompt: about 300 tokens.
_PROMPT = 900


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="smollm2-135m", help="a ModelRef")
    parser.add_argument("--methods", default=USUAL, help="of them, with commas")
    parser.add_argument("--tokens", type=int, default=64, help="written in one answer")
    parser.add_argument("--off-grid", action="store_true", help="move the weights first")
    parser.add_argument("--work", type=Path, default=None, help="keep the variants here")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    parser.add_argument("--measure", nargs=2, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure, options.tokens)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        model, rows = options.model, {}
        if options.off_grid:
            model = off_grid(options.model, work / "original")
        for method in options.methods.split(","):
            made = {} if method == "fp32" else quantize(model, method, work)
            rows[method] = {**made, **run(made.get("ref", model), method, options.tokens)}
            print(f"{method}: {rows[method]['decode_1']:.1f} tokens/s", file=sys.stderr)
    figures = {
        "model": options.model,
        "off_grid": options.off_grid,
        "tokens": options.tokens,
        "variants": rows,
        **ratios(rows),
    }
    show(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def off_grid(model: str, folder: Path) -> str:
    """A checkpoint of the model's weights, each moved by up to half a step of 4 bits."""
    import torch

    from codelathe.core.gguf import read_gguf_header
    from codelathe.wiring import open_checkpoint

    if not folder.exists():
        opened = open_checkpoint(model, "float32")
        torch.manual_seed(0)
        for module in opened.model.modules():
            if type(module) is torch.nn.Linear and module is not opened.model.lm_head:
                blocks = module.weight.data.view(-1, 32)
                step = (blocks.amax(1, keepdim=True) - blocks.amin(1, keepdim=True)) / 15
                blocks += (torch.rand_like(blocks) - 0.5) * step
        if opened.path.is_file():
            opened.tokenizer.chat_template = read_gguf_header(opened.path).chat_template
        opened.model.to(torch.bfloat16).save_pretrained(folder)
        opened.tokenizer.save_pretrained(folder)
    return f"{folder.absolute()}/"


def quantize(model: str, method: str, work: Path) -> dict[str, Any]:
    """Run the verb; what it tells of the result."""
    gguf = ENGINES[method] == "llamacpp"
    out = work.absolute() / f"{method}{'.gguf' if gguf else ''}"
    command = [
        sys.executable, "-m", "codelathe", "compress", "quantize", model, "--method", method,
        "--out", str(out), "--json", "--quiet",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 3):
        sys.exit(f"{method}: {done.stderr}")
    told = json.loads(done.stdout)
    check = told["check"]
    return {
        "ref": told["ref"],
        "bytes": told["bytes"]["stored"],
        "kl": check["kl_nats_per_token"],
        "agreeing": check["agreeing"],
        "perplexity": check["perplexity"],
        "within_bounds": told["passed"],
        "made_in_seconds": told["seconds"],
    }


def run(model: str, method: str, tokens: int) -> dict[str, Any]:
    """Measure it in a process of its own."""
    command = [
        sys.executable, __file__, "--measure", model, ENGINES[method], "--tokens", str(tokens),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{method}: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(model: str, name: str, tokens: int) -> dict[str, Any]:
    from codelathe.compression.calibration import library_texts
    from codelathe.core.fresh import peak_memory
    from codelathe.wiring import open_engine

    texts = iter(text[:_PROMPT] for text in library_texts("held out").texts if len(text) > _PROMPT)
    began = time.monotonic()
    with closing(open_engine(model, name)) as engine:
        ask(engine, ["def f(x):"], 1)
        loaded = time.monotonic() - began
        reading, writing, together = [], [], []
        ask(engine, [next(texts)], 4)  # what is made at the first prompt of that size
        for _ in range(_ROUNDS):
            answers, first = ask(engine, [next(texts)], 1)
            reading.append(answers[0].prompt_tokens / first)
            answers, whole = ask(engine, [next(texts)], tokens)
            rest = whole - answers[0].prompt_tokens / reading[-1]
            writing.append((answers[0].completion_tokens - 1) / rest)
            answers, whole = ask(engine, [next(texts)[:100] for _ in range(_BATCH)], tokens)
            together.append(sum(answer.completion_tokens for answer in answers) / whole)
        version = engine.info.version
    return {
        "engine": name,
        "version": version,
        "load_seconds": round(loaded, 2),
        "peak_mib": peak_memory() >> 20,
        "prompt": round(statistics.median(reading), 1),
        "decode_1": round(statistics.median(writing), 1),
        f"decode_{_BATCH}": round(statistics.median(together), 1),
    }


def ask(engine: Engine, prompts: list[str], tokens: int) -> tuple[list[Completion], float]:
    """The answers, and the seconds that all of them took."""
    from codelathe.core.generation import Request, Sampling

    sampling = Sampling(max_tokens=tokens)
    began = time.monotonic()
    answers = list(engine.generate([Request(prompt=text, sampling=sampling) for text in prompts]))
    return answers, time.monotonic() - began


def ratios(rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """How much faster than the original each one writes."""
    first = rows.get("fp32")
    if first is None:
        return {}
    return {
        "times_as_fast": {
            method: round(row["decode_1"] / first["decode_1"], 2) for method, row in rows.items()
        }
    }


def show(figures: dict[str, Any]) -> None:
    print(f"{figures['model']}, {figures['tokens']} tokens an answer")
    columns = ("variant", "engine", "MB", "load s", "peak MiB", "prompt/s", "decode/s", "x fp32",
               f"batch {_BATCH}/s", "KL", "equal")  # fmt: skip
    print("  ".join(f"{name:>12}" for name in columns))
    fast = figures.get("times_as_fast", {})
    for method, row in figures["variants"].items():
        cells = (
            method, row["engine"], f"{row['bytes'] / 1e6:.0f}" if "bytes" in row else "",
            f"{row['load_seconds']:.1f}", row["peak_mib"], f"{row['prompt']:.0f}",
            f"{row['decode_1']:.1f}", fast.get(method, ""), f"{row[f'decode_{_BATCH}']:.1f}",
            f"{row['kl']:.4f}" if "kl" in row else "",
            f"{row['agreeing']:.1%}" if "agreeing" in row else "",
        )  # fmt: skip
        print("  ".join(f"{cell!s:>12}" for cell in cells))


if __name__ == "__main__":
    main()
