"""Things to send to a hub, and a client of it that does not wait before it tries again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from codelathe.core.lineage import Lineage, write_lineage


def tuned_adapter(folder: Path) -> Path:
    """What tuning leaves: weights, configuration, lineage, a trainer's state."""
    folder.mkdir()
    config = {"base_model_name_or_path": "hf:owner/base", "peft_type": "LORA"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "adapter_model.safetensors").write_bytes(b"weights" * 100)
    (folder / "state").mkdir()
    (folder / "state" / "optimizer.bin").write_bytes(b"state")
    (folder / "run.json").write_text("{}")
    (folder / "training_args.bin").write_bytes(b"pickle")
    recipe = {"method": {"name": "lora"}, "data": {"files": ["hf:owner/rows", "/x/y.jsonl"]}}
    lineage = Lineage("adapter", "hf:owner/base", "ab" * 32, "hf:owner/base", recipe, "tune")
    write_lineage(folder, lineage)
    return folder


def use_hub(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the hub in the environment, and let its client be impatient."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # a protocol with the hub's stores
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda _: None, time=time.time))
    monkeypatch.setenv("HF_ENDPOINT", address)
