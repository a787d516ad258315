"""A tiny checkpoint that every method of quantization can take, and quantizing it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, pre_tokenizers
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

from codelathe.compression import quantizing_methods
from codelathe.compression.calibration import Texts
from codelathe.compression.quantizing import quantize
from codelathe.compression.quantizing_job import Quantized, QuantizeJob
from codelathe.compression.quantizing_methods import Bounds, check_samples, quantize_method
from codelathe.wiring import find_quantizable, quantize_doors
from fakes import checkpoints

CODE = Texts(
    ("def add(a, b):\n    return a + b\n\n\nfor i in range(10):\n    print(i)\n" * 60,),
    "/home/somebody/calibrate.py",
)
#: Tiny models of drawn weights are further from themselves than real ones.
LOOSE = Bounds(5.0, 0.0)


def save(folder: Path, architecture: str = "llama", **other: Any) -> Path:
    """A checkpoint wide enough for groups of 64, its text split as OpenVINO's reader does it."""
    other = {"hidden_size": 64, "intermediate_size": 128, **other}
    checkpoints.save(folder, architecture, **other)
    tokens = checkpoints.tokenizer("qwen2")
    tokens.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(GGUF_PRE_TOKENIZER_SPLITS["qwen2"]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokens.chat_template = checkpoints.CHAT_TEMPLATE
    tokens.save_pretrained(folder)
    return folder


def loosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold what is quantized by any method against bounds that tiny models keep."""
    for name, method in list(quantizing_methods.METHODS.items()):
        monkeypatch.setitem(quantizing_methods.METHODS, name, replace(method, bounds=LOOSE))


def run(model: Path | str, method: str, out: Path, bounds: Bounds | None = LOOSE) -> Quantized:
    """The model quantized into `out`; `bounds` in place of the method's own."""
    chosen = quantize_method(method)
    if bounds is not None:
        chosen = replace(chosen, bounds=bounds)
    found = find_quantizable(str(model))
    samples = check_samples(chosen, 2 if chosen.calibrated else None, texts=chosen.calibrated)
    texts = CODE if samples else None
    job = QuantizeJob(found.ref, found.path, found.sha256, chosen, out, texts, samples)
    return quantize(job, quantize_doors(found, lambda *_: None))
