"""How far OpenVINO's settings move a model, measured on texts that llama.cpp wrote.

llama.cpp answers some HumanEval problems greedily; then OpenVINO reads prompt and answer in one
pass under each setting and says how probable it finds every next token. Compared with the file's
own weights computed in 32 bits: the Kullback-Leibler divergence (nats a token), how often the most
probable token is the same, and how often it is the one that llama.cpp wrote.

    python benches/fidelity.py --model MODEL.gguf --json fidelity.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy

from humaneval import Task, default_model, load_tasks, request, template, watch

EXACT = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
}
#: (what the table calls it, whether the reader's rounding is mended, properties)
SETTINGS: tuple[tuple[str, bool, dict[str, Any]], ...] = (
    ("reader's rounded weights, defaults", False, {}),
    ("reader's rounded weights, all in 32 bits", False, EXACT),
    ("own weights, defaults", True, {}),
    ("own weights, no dynamic quantization", True, {"DYNAMIC_QUANTIZATION_GROUP_SIZE": 0}),
    ("own weights, bf16", True, {"INFERENCE_PRECISION_HINT": "bf16"}),
)
CONVERT = """
import sys
import codelathe.engines._converted as converted
if sys.argv[3] == "rounded":
    converted.restore_zero_points = lambda gguf, folder: 0
converted._main(sys.argv[1], sys.argv[2])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=Path, help="a GGUF file; else the default model")
    parser.add_argument("--data", type=Path, default=None, help="HumanEval.jsonl.gz")
    parser.add_argument("--every", type=int, default=14, help="take every N-th problem")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    options = parser.parse_args()
    options.model = options.model or default_model()
    tasks = load_tasks(options.data, options.every)
    texts = list(written(tasks, options.model))
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folders = {
            mended: convert(options.model, Path(scratch), mended) for mended in (True, False)
        }
        exact = list(probabilities(folders[True], texts, EXACT))
        for name, mended, properties in SETTINGS:
            begun = time.perf_counter()
            found = list(probabilities(folders[mended], texts, properties))
            seconds = time.perf_counter() - begun
            rows.append({"setting": name, **compare(exact, found, texts), "seconds": seconds})
            print(
                "{setting:42} KL {kl:.5f}  same most probable {same:.4f}  "
                "llama.cpp's token {llamacpp:.4f}  {seconds:.1f} s".format(**rows[-1]),
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def written(tasks: list[Task], model: Path) -> Iterator[tuple[list[int], list[int]]]:
    """Prompt and answer, as tokens, of each task by llama.cpp."""
    from codelathe.engines.llamacpp import LlamaCppEngine

    engine = LlamaCppEngine(model)
    render = template(model)
    asked = [request(task, "chat") for task in tasks]
    plain = [render(one.messages) + one.prefill for one in asked]

    requests = [
        replace(one, messages=(), prompt=text, prefill="")
        for one, text in zip(asked, plain, strict=True)
    ]
    for answer in engine.generate(requests, watch(tasks, "chat")):
        prompt = engine.tokens(plain[answer.request])
        yield prompt, engine.tokens(answer.text)
    engine.close()


def convert(model: Path, scratch: Path, mended: bool) -> Path:
    folder = scratch / ("mended" if mended else "rounded")
    folder.mkdir()
    command = [sys.executable, "-c", CONVERT, str(model.resolve()), str(folder), folder.name]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


def probabilities(
    folder: Path, texts: list[tuple[list[int], list[int]]], properties: dict[str, Any]
) -> Iterator[numpy.ndarray]:
    """Log-probabilities [answer tokens, vocabulary] of every text."""
    import openvino

    compiled = openvino.Core().compile_model(folder / "openvino_model.xml", "CPU", properties)
    infer = compiled.create_infer_request()
    for prompt, answer in texts:
        ids = numpy.array([prompt + answer])
        infer.reset_state()
        out = infer.infer(
            {
                "input_ids": ids,
                "attention_mask": numpy.ones_like(ids),
                "position_ids": numpy.arange(ids.size)[None],
                "beam_idx": numpy.zeros(1, numpy.int32),
            }
        )
        logits = out["logits"][0, len(prompt) - 1 : -1].astype(numpy.float32)
        logits -= logits.max(axis=-1, keepdims=True)
        yield logits - numpy.log(numpy.exp(logits).sum(axis=-1, keepdims=True))


def compare(
    exact: list[numpy.ndarray],
    found: list[numpy.ndarray],
    texts: list[tuple[list[int], list[int]]],
) -> dict[str, float]:
    divergence, same, told = [], [], []
    for one, other, (_, answer) in zip(exact, found, texts, strict=True):
        divergence.append((numpy.exp(one) * (one - other)).sum(axis=-1))
        same.append(one.argmax(axis=-1) == other.argmax(axis=-1))
        told.append(other.argmax(axis=-1) == numpy.array(answer))
    return {
        "kl": float(numpy.concatenate(divergence).mean()),
        "same": float(numpy.concatenate(same).mean()),
        "llamacpp": float(numpy.concatenate(told).mean()),
        "tokens": sum(len(answer) for _, answer in texts),
    }


if __name__ == "__main__":
    main()
