"""The pieces of a sweep's work on tiny checkpoints, as its processes do them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codelathe.compression.variants import parse_variants
from codelathe.core.errors import MissingDependency, ModelFileError, UnsupportedArgument
from codelathe.evaluation.runs import open_run
from codelathe.wiring import (
    find_quantizable,
    open_checkpoint,
    refused_variants,
    require_variants,
)
from codelathe.wiring import sweeping as work
from fakes import checkpoints, quantizing


def silent(*_: object) -> None:
    """Hear nothing."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantizing.save(tmp_path_factory.mktemp("llama"))


@pytest.fixture(autouse=True)
def loose(monkeypatch: pytest.MonkeyPatch) -> None:
    quantizing.loosen(monkeypatch)


def make(model: Path, variant: str, out: Path) -> dict[str, Any]:
    sha256 = find_quantizable(str(model)).sha256
    asked = {"model": str(model), "sha256": sha256, "variant": variant, "out": str(out)}
    return work.work_make(asked, silent)


def test_a_quantized_variant_tells_what_the_verb_tells(model: Path, tmp_path: Path) -> None:
    told = make(model, "q8_0", tmp_path / "small.gguf")
    assert told["bytes"] == (tmp_path / "small.gguf").stat().st_size
    assert 0 <= told["kl_nats_per_token"] < 1
    assert 0 < told["agreeing"] <= 1


def test_a_pruned_variant_is_held_against_the_original_too(model: Path, tmp_path: Path) -> None:
    told = make(model, "l1:0.5", tmp_path / "half")
    assert told["kl_nats_per_token"] > 1e-3
    assert told["bytes"] == (tmp_path / "half" / "model.packed.safetensors").stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["half"]


def test_perplexities_of_all_are_of_the_same_text(model: Path, tmp_path: Path) -> None:
    original = work.work_describe({"model": str(model)}, silent)
    small = make(model, "q8_0", tmp_path / "small.gguf")
    assert small["perplexity"] == pytest.approx(original["perplexity"], rel=0.05)


def test_the_originals_bytes_are_those_of_its_weights(model: Path) -> None:
    told = work.work_describe({"model": str(model)}, silent)
    assert told["bytes"] == (model / "model.safetensors").stat().st_size


def test_a_pruned_variant_is_measured_as_it_is_run(model: Path, tmp_path: Path) -> None:
    make(model, "wanda:2:4", tmp_path / "half")
    asked = {"model": str(tmp_path / "half"), "engine": "transformers"}
    told = work.work_measure(asked, silent)
    assert told["engine"] == "transformers"
    assert told["prompt_speed"] > 0


def test_a_model_that_was_changed_since_the_sweep_began_is_refused(
    model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "small.gguf"
    asked = {"model": str(model), "sha256": "0" * 64, "variant": "q8_0", "out": str(out)}
    with pytest.raises(ModelFileError, match="was changed after the sweep began"):
        work.work_make(asked, silent)
    assert not out.exists()


def test_answers_can_be_kept_short_for_a_short_context(model: Path, tmp_path: Path) -> None:
    task = {"prompt": "Write f(x).", "entry_point": "f", "tests": "assert f(1) == 1"}
    (tmp_path / "tasks.jsonl").write_text(json.dumps(task) + "\n")
    asked = {
        "model": str(model), "engine": "transformers", "folder": str(tmp_path / "run"),
        "benchmark": str(tmp_path / "tasks.jsonl"), "limit": None, "max_tokens": 4,
    }  # fmt: skip
    work.work_ask(asked, silent)
    assert open_run(tmp_path / "run").signature["sampling"]["max_tokens"] == 4


def test_a_missing_package_is_told_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import importlib.util

    def nowhere(name: str) -> object:
        return None if name == "nncf" else object()

    monkeypatch.setattr(importlib.util, "find_spec", nowhere)
    with pytest.raises(MissingDependency, match="nncf"):
        require_variants(parse_variants("q8_0,openvino-int8"))


def test_a_missing_program_is_told_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UnsupportedArgument, match="llama-quantize"):
        require_variants(parse_variants("q4_k_m"))


def test_a_form_that_a_model_has_not_is_told_of_and_ends_nothing(tmp_path: Path) -> None:
    found = find_quantizable(str(checkpoints.save(tmp_path / "gpt2", "gpt2")))
    refused = refused_variants(parse_variants("dynamic-int8,openvino-int8,wanda:0.5"), found)
    assert list(refused) == ["openvino-int8"]
    assert "builds no gpt2" in refused["openvino-int8"]


@pytest.mark.parametrize("variant", ["q8_0", "l1:0.5"])
def test_what_is_made_opens_as_a_model(model: Path, tmp_path: Path, variant: str) -> None:
    path = tmp_path / ("small.gguf" if variant == "q8_0" else "small")
    make(model, variant, path)
    assert open_checkpoint(str(path), "float32").model.num_parameters() > 0
