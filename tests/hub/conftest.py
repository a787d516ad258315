"""A hub to write to, an impatient client, and small things to send."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from codelathe.core.lineage import Lineage, write_lineage
from fakes.hub_writing import WrittenHub, written_hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[WrittenHub]:
    """Running, named in the environment; the client does not wait before it tries again."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # a protocol with the hub's stores
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda _: None, time=time.time))
    with written_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """What tuning leaves: weights, configuration, lineage, a trainer's state."""
    folder = tmp_path / "my-tune"
    folder.mkdir()
    config = {"base_model_name_or_path": "hf:owner/base", "peft_type": "LORA"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "adapter_model.safetensors").write_bytes(b"weights" * 100)
    (folder / "state").mkdir()
    (folder / "state" / "optimizer.bin").write_bytes(b"state")
    (folder / "training_args.bin").write_bytes(b"pickle")
    recipe = {
        "method": {"name": "lora", "r": 16},
        "data": {"files": ["hf:owner/rows", "/x/y.jsonl"]},
    }
    write_lineage(
        folder, Lineage("adapter", "hf:owner/base", "ab" * 32, "hf:owner/base", recipe, "tune")
    )
    return folder
