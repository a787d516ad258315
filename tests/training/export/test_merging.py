"""Merging: the same model as base and adapter, or a refusal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from codelathe.core import disk
from codelathe.core.errors import (
    DiskFull,
    ModelFileError,
    UnknownName,
    UnsupportedArgument,
    UsageError,
)
from codelathe.core.lineage import Lineage, read_lineage, write_lineage
from codelathe.training.export.exported import Exported
from codelathe.training.export.merging import Order, Parts, merge
from codelathe.wiring import open_checkpoint

MakeParts = Callable[..., Parts]


def run(parts: Parts, out: Path, precision: str = "auto", prompts: int = 2) -> Exported:
    return merge(Order(parts, out, precision, prompts), open_checkpoint, lambda *_: None)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2", "t5"])
def test_greedy_texts_of_the_merged_model_are_those_of_base_and_adapter(
    parts: MakeParts, tmp_path: Path, architecture: str
) -> None:
    settings = {"target_modules": ["q", "v"]} if architecture == "t5" else {}
    merged = run(parts(architecture, **settings), tmp_path / "out")
    check = merged.details["check"]
    assert merged.passed, check
    assert check["equal_texts"] == check["prompts"] == 2
    assert check["tokens"] > 10


def test_weights_are_those_of_the_base_plus_the_scaled_product(
    parts: MakeParts, tmp_path: Path
) -> None:
    made = parts("llama")
    run(made, tmp_path / "out")
    adapter = load_file(made.adapter.path / "adapter_model.safetensors")
    name = "model.layers.0.self_attn.q_proj"
    low, high = (adapter[f"base_model.model.{name}.lora_{side}.weight"] for side in "AB")
    scale = made.adapter.config["lora_alpha"] / made.adapter.config["r"]
    expected = weights(made.base)[f"{name}.weight"] + scale * (high @ low)
    found = weights(tmp_path / "out")[f"{name}.weight"]
    assert torch.allclose(found, expected, atol=1e-6)


def test_tensors_keep_the_numbers_that_the_base_has_them_in(
    parts: MakeParts, tmp_path: Path
) -> None:
    made = parts("llama")
    base = tmp_path / "half"
    shutil.copytree(made.base, base)
    halved = {k: v if "norm" in k else v.bfloat16() for k, v in weights(base).items()}
    save_file(halved, base / "model.safetensors", {"format": "pt"})
    merged = run(replace(made, base=base), tmp_path / "out")
    types = merged.details["tensors"]
    assert types["model.layers.0.mlp.up_proj.weight"] == "bfloat16"
    assert types["model.norm.weight"] == "float32"
    assert merged.details["precision"] == "bfloat16"


def test_an_asked_precision_is_that_of_every_tensor(parts: MakeParts, tmp_path: Path) -> None:
    merged = run(parts("llama"), tmp_path / "out", "float16")
    assert set(merged.details["tensors"].values()) == {"float16"}
    assert merged.details["check"]["bounds"]["largest_logit_difference"] == 0.02


@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`")
def test_an_adapter_of_the_head_parts_it_from_a_tied_embedding(
    parts: MakeParts, checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    base = checkpoint("llama", tie_word_embeddings=True)
    made = parts(base=base, target_modules=["lm_head", "q_proj"])
    merged = run(made, tmp_path / "out")
    assert merged.passed, merged.details["check"]
    found = weights(tmp_path / "out")
    before = weights(base)["model.embed_tokens.weight"]
    assert torch.equal(found["model.embed_tokens.weight"], before)
    assert not torch.equal(found["lm_head.weight"], before)
    assert any("no longer tied" in note for note in merged.details["notes"])


def test_template_tokenizer_and_end_tokens_come_along(parts: MakeParts, tmp_path: Path) -> None:
    made = parts("llama")
    run(made, tmp_path / "out")
    for name in ("chat_template.jinja", "generation_config.json"):
        assert (tmp_path / "out" / name).exists()
    ours, theirs = (
        json.loads((f / "tokenizer.json").read_text())["model"]
        for f in (tmp_path / "out", made.base)
    )
    assert ours == theirs


def test_lineage_and_card_tell_what_it_was_made_of(parts: MakeParts, tmp_path: Path) -> None:
    made = parts("llama")
    recipe = {"method": {"name": "qlora"}}
    own = Lineage("adapter", made.base_ref, "", made.base_ref, recipe, "tune")
    write_lineage(made.adapter.path, own)
    merged = run(made, tmp_path / "out")
    told = read_lineage(tmp_path / "out")
    assert told is not None
    assert (told.kind, told.base_sha256, told.parent) == ("checkpoint", "b" * 64, made.ref)
    assert told.recipe_sha256 == own.recipe_sha256
    assert own.recipe_sha256 in (tmp_path / "out" / "README.md").read_text()
    assert any("QLoRA" in note for note in merged.details["notes"])


def test_the_same_order_again_is_answered_without_loading(parts: MakeParts, tmp_path: Path) -> None:
    made = parts("llama")
    first = run(made, tmp_path / "out")

    def refuse(*_: Any) -> Any:
        raise AssertionError("loaded again")

    again = merge(Order(made, tmp_path / "out", prompts=2), refuse, lambda *_: None)
    assert again.again
    assert again.details["check"] == first.details["check"]


@pytest.mark.parametrize("change", [{"precision": "float16"}, {"prompts": 3}])
def test_a_folder_of_another_order_is_not_written_over(
    parts: MakeParts, tmp_path: Path, change: dict[str, Any]
) -> None:
    made = parts("llama")
    run(made, tmp_path / "out")
    before = weights(tmp_path / "out")["lm_head.weight"]
    with pytest.raises(UsageError, match="exists"):
        run(made, tmp_path / "out", **{"prompts": 2, **change})
    assert torch.equal(weights(tmp_path / "out")["lm_head.weight"], before)


def test_a_folder_of_somebody_elses_is_not_written_over(parts: MakeParts, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        run(parts("llama"), tmp_path)


def test_what_another_program_put_there_meanwhile_is_kept(parts: MakeParts, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def heard(stage: str, done: int, total: int) -> None:
        if stage == "merged" and not out.exists():
            out.mkdir()
            (out / "theirs").write_text("theirs")

    with pytest.raises(UsageError, match="exists and is not what"):
        merge(Order(parts("llama"), out, prompts=1), open_checkpoint, heard)
    assert (out / "theirs").read_text() == "theirs"


def test_a_link_is_refused_before_the_work(parts: MakeParts, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "empty")
    with pytest.raises(UsageError, match="exists and is not what"):
        merge(
            Order(parts("llama"), tmp_path / "out"),
            lambda *_: pytest.fail("loaded"),
            lambda *_: None,
        )


def test_a_merged_model_that_differs_is_kept_and_marked(parts: MakeParts, tmp_path: Path) -> None:
    """What is read back from the disk is another model: one of its weights is changed."""
    opened: list[str] = []

    def open_model(model: str, precision: str) -> Any:
        opened.append(model)
        loaded = open_checkpoint(model, precision)
        if len(opened) == 2:
            with torch.no_grad():
                loaded.model.model.layers[0].mlp.up_proj.weight[0, 0] += 3.0
        return loaded

    made = parts("llama")
    merged = merge(Order(made, tmp_path / "out", prompts=2), open_model, lambda *_: None)
    assert not merged.passed
    assert "a logit is off by" in merged.details["check"]["faults"][0]
    told = read_lineage(tmp_path / "out")
    assert told is not None
    assert told.details["check"]["passed"] is False
    assert not run(made, tmp_path / "out").passed


def test_an_other_template_or_end_token_is_a_fault(parts: MakeParts, tmp_path: Path) -> None:
    opened: list[str] = []

    def open_model(model: str, precision: str) -> Any:
        opened.append(model)
        loaded = open_checkpoint(model, precision)
        if len(opened) == 2:
            loaded.tokenizer.chat_template = "other"
            loaded.model.generation_config.eos_token_id = [2, 3]
        return loaded

    merged = merge(Order(parts("llama"), tmp_path / "out", prompts=1), open_model, lambda *_: None)
    faults = merged.details["check"]["faults"]
    assert faults == ["the chat template differs", "the end tokens differ: [2] and [2, 3]"]


def test_a_pruned_base_is_refused_with_the_ways_out(parts: MakeParts, tmp_path: Path) -> None:
    made = parts("llama")
    base = tmp_path / "pruned"
    shutil.copytree(made.base, base)
    write_lineage(base, Lineage("checkpoint", "x", "", "x", details={"pruning": {"sparsity": 0.5}}))
    with pytest.raises(UnsupportedArgument, match="pruned") as refused:
        run(replace(made, base=base), tmp_path / "out")
    assert 'method = "full"' in refused.value.hint
    assert not (tmp_path / "out").exists()


def test_a_base_that_was_seen_to_be_pruned_is_refused(parts: MakeParts, tmp_path: Path) -> None:
    made = parts("llama")
    seen = Lineage("adapter", str(made.base), "", str(made.base), details={"base_sparsity": 0.5})
    write_lineage(made.adapter.path, seen)
    with pytest.raises(UnsupportedArgument, match="pruned"):
        run(made, tmp_path / "out")


def test_a_base_that_is_stored_quantized_is_refused(parts: MakeParts, tmp_path: Path) -> None:
    made = parts("llama")
    base = tmp_path / "quantized"
    shutil.copytree(made.base, base)
    config = json.loads((base / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (base / "config.json").write_text(json.dumps(config))
    with pytest.raises(UnsupportedArgument, match="stored quantized"):
        run(replace(made, base=base), tmp_path / "out")


def test_a_weight_beyond_16_bits_is_refused_by_its_name(parts: MakeParts, tmp_path: Path) -> None:
    made = parts("llama")
    base = tmp_path / "large"
    shutil.copytree(made.base, base)
    values = weights(base)
    values["model.embed_tokens.weight"][5, 5] = 1e6
    save_file(values, base / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelFileError, match=r"model\.embed_tokens\.weight"):
        run(replace(made, base=base, ref=_moved(made, base, tmp_path)), tmp_path / "out", "float16")
    assert not (tmp_path / "out").exists()


def _moved(made: Parts, base: Path, tmp_path: Path) -> str:
    """The adapter, naming another folder as its base."""
    folder = tmp_path / "moved"
    shutil.copytree(made.adapter.path, folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = str(base)
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "lathe.json").unlink(missing_ok=True)
    return f"adapter:{folder}"


def test_an_adapter_with_numbers_that_are_none_is_refused(parts: MakeParts, tmp_path: Path) -> None:
    made = parts("llama")
    path = made.adapter.path / "adapter_model.safetensors"
    values = load_file(path)
    next(iter(values.values()))[0, 0] = float("nan")
    save_file(values, path)
    with pytest.raises(ModelFileError, match="cannot be merged"):
        run(made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_adapter_of_another_shape_is_refused(parts: MakeParts, tmp_path: Path) -> None:
    made = parts("llama")
    path = made.adapter.path / "adapter_model.safetensors"
    values = load_file(path)
    save_file({name: value[:, :8].contiguous() for name, value in values.items()}, path)
    with pytest.raises(ModelFileError, match="cannot put"):
        run(made, tmp_path / "out")


def test_an_unknown_precision_is_refused_before_anything_is_loaded(
    parts: MakeParts, tmp_path: Path
) -> None:
    with pytest.raises(UnknownName, match="int4"):
        run(parts("llama"), tmp_path / "out", "int4")


def test_a_full_disk_is_told_and_leaves_nothing(
    parts: MakeParts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DiskFull):
        run(parts("llama"), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_is_removed_by_the_next(parts: MakeParts, tmp_path: Path) -> None:
    left = tmp_path / ".out.unfinished-999999999"
    left.mkdir()
    (left / "half").write_text("x")
    run(parts("llama"), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_a_missing_parent_folder_is_told(parts: MakeParts, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist") as refused:
        run(parts("llama"), tmp_path / "no" / "out")
    assert refused.value.hint.startswith("mkdir")
