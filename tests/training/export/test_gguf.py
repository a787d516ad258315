"""Checkpoint -> GGUF -> the engines: the same tokens, the same logits, the same texts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
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
from codelathe.core.generation import Request, Sampling
from codelathe.core.gguf import GgufHeader, read_gguf_header
from codelathe.core.lineage import Lineage, write_lineage
from codelathe.training.export.exported import Exported
from codelathe.training.export.gguf_export import GgufOrder, find_done, make_gguf
from codelathe.training.export.merging import Parts
from codelathe.training.export.prompts import PROBES, prompts
from codelathe.wiring import open_checkpoint, open_engine, open_text_side

MakeCheckpoint = Callable[..., Path]
MakeParts = Callable[..., Parts]
#: Enough weights that numbers of 16 bits hold, and a model that is not chaotic.
CALM = {"initializer_range": 0.1}


def convert(source: Path | Parts, out: Path, kind: str = "f16") -> Exported:
    if isinstance(source, Parts):
        order = GgufOrder(source.ref, source.base, "x on y", out, kind, 1, source)
    else:
        order = GgufOrder(str(source), source, "x", out, kind, 1)
    return make_gguf(order, open_checkpoint, lambda *_: None)


def logits(model: str) -> torch.Tensor:
    opened = open_checkpoint(model, "float32")
    opened.text.close()
    ids = torch.tensor([[1, 80, 9, 200, 41, 7, 155, 301, 66, 12, 12, 90]])
    with torch.inference_mode():
        found: torch.Tensor = opened.model(input_ids=ids).logits[0]
    return found


@pytest.fixture
def exact(checkpoint: MakeCheckpoint, tmp_path: Path) -> Callable[..., Path]:
    """A checkpoint whose weights are numbers that 16 bits hold."""

    def make(architecture: str, **other: Any) -> Path:
        folder = tmp_path / "exact"
        shutil.copytree(checkpoint(architecture, **{**CALM, **other}), folder)
        values = load_file(folder / "model.safetensors")
        rounded = {name: value.half().float() for name, value in values.items()}
        save_file(rounded, folder / "model.safetensors", {"format": "pt"})
        if architecture.startswith("qwen"):
            split_as_qwen(folder)
        return folder

    return make


def split_as_qwen(folder: Path) -> None:
    """Give a tokenizer the splitting rule that transformers has for every Qwen model."""
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    path = folder / "tokenizer.json"
    document = json.loads(path.read_text())
    split = {"type": "Split", "pattern": {"Regex": PRETOKENIZE_REGEX}, "behavior": "Isolated"}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    document["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [{**split, "invert": False}, {**byte_level, "use_regex": False}],
    }
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("architecture", "other"),
    [
        ("llama", {}), ("qwen2", {}), ("qwen3", {}), ("qwen3", {"head_dim": 16}), ("gpt2", {}),
        ("gpt2", {"n_positions": 96}), ("starcoder2", {"sliding_window": None}),
    ],
)  # fmt: skip
def test_transformers_reads_the_file_as_the_very_same_model(
    exact: Callable[..., Path], tmp_path: Path, architecture: str, other: dict[str, Any]
) -> None:
    source = exact(architecture, **other)
    convert(source, tmp_path / "x.gguf")
    assert torch.allclose(logits(str(source)), logits(str(tmp_path / "x.gguf")), atol=1e-5)


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "gpt2"])
def test_greedy_texts_of_llamacpp_are_those_of_transformers(
    exact: Callable[..., Path], tmp_path: Path, architecture: str
) -> None:
    source = exact(architecture, initializer_range=0.3, seed=2)
    write_ascii_only(source)
    convert(source, tmp_path / "x.gguf")
    asked = [
        Request(prompt=text[:60], sampling=Sampling(max_tokens=8))
        for text in prompts(12)
        if text.isascii()
    ]
    texts = []
    for model, engine in ((str(source), "transformers"), (f"gguf:{tmp_path}/x.gguf", "llamacpp")):
        with closing(open_engine(model, engine)) as opened:
            texts.append({a.request: a.text for a in opened.generate(asked)})
    assert len(set(texts[0].values())) > 4
    assert texts[0] == texts[1]


def write_ascii_only(folder: Path) -> None:
    """Let the model write no halves of characters, which engines show in different ways."""
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    plain = [i for t, i in vocabulary.items() if t.replace("\u0120", "").isascii() and i > 4]
    values = load_file(folder / "model.safetensors")
    name = next((n for n in values if n.startswith("lm_head")), "transformer.wte.weight")
    kept = torch.zeros_like(values[name])
    kept[plain] = values[name][plain]
    save_file({**values, name: kept}, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "qwen2"])
def test_llamacpp_reads_texts_as_the_checkpoints_tokens(
    exact: Callable[..., Path], tmp_path: Path, architecture: str
) -> None:
    source = exact(architecture)
    convert(source, tmp_path / "x.gguf")
    ours, theirs = open_text_side(str(source)), open_text_side(f"gguf:{tmp_path}/x.gguf")
    with closing(ours), closing(theirs):
        for text in (*PROBES, "<|user|>hi<|end|>"):
            assert theirs.tokenizer.encode(text)[0] == ours.tokenizer.encode(text)[0], text
        assert theirs.tokenizer.begins == ours.tokenizer.begins
        assert theirs.tokenizer.ends == ours.tokenizer.ends
        assert theirs.tokenizer.special("<|assistant|>") == ours.tokenizer.special("<|assistant|>")


def test_untied_and_tied_heads_are_told_apart(checkpoint: MakeCheckpoint, tmp_path: Path) -> None:
    for tied in (True, False):
        out = tmp_path / f"{tied}.gguf"
        convert(checkpoint("llama", tie_word_embeddings=tied), out)
        names = {tensor.name for tensor in read_gguf_header(out).tensors}
        assert ("output.weight" in names) is not tied


def test_llama_3s_rotary_scaling_becomes_factors(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    """Compared with the frequencies that transformers computes."""
    from gguf import GGUFReader
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    rope = {
        "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 32,
    }  # fmt: skip
    source = checkpoint("llama", rope_parameters=rope, head_dim=32, **CALM)
    convert(source, tmp_path / "x.gguf")
    tensors = {t.name: t for t in GGUFReader(tmp_path / "x.gguf").tensors}
    config = open_checkpoint(str(source), "float32").model.config
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    plain = 1.0 / 10000.0 ** (torch.arange(0, 32, 2).float() / 32)
    factors = torch.tensor(tensors["rope_freqs.weight"].data.copy())
    assert torch.allclose(plain / factors, scaled, rtol=1e-5)


def test_a_scaling_that_llamacpp_lacks_is_refused(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    rope = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
    with pytest.raises(UnsupportedArgument, match="rotary scaling 'dynamic'"):
        convert(checkpoint("llama", rope_parameters=rope), tmp_path / "x.gguf")
    assert not list(tmp_path.iterdir())


def test_a_sliding_window_cuts_the_context_and_says_so(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    made = convert(checkpoint("starcoder2", sliding_window=48), tmp_path / "x.gguf")
    assert read_gguf_header(tmp_path / "x.gguf").context_length == 48
    assert any("sliding window" in note for note in made.details["notes"])


def test_an_architecture_without_a_form_is_refused_by_name(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    with pytest.raises(UnknownName, match="codegen"):
        convert(checkpoint("codegen"), tmp_path / "x.gguf")


def types(path: Path) -> dict[str, str]:
    return {tensor.name: tensor.type for tensor in read_gguf_header(path).tensors}


@pytest.mark.parametrize("kind", ["q8_0", "q5_1", "q4_1"])
def test_matrices_get_the_type_and_norms_and_biases_keep_32_bits(
    checkpoint: MakeCheckpoint, tmp_path: Path, kind: str
) -> None:
    convert(checkpoint("qwen2"), tmp_path / "x.gguf", kind)
    found = types(tmp_path / "x.gguf")
    assert found["blk.0.attn_q.weight"] == kind.upper()
    assert found["blk.0.attn_q.bias"] == found["blk.0.attn_norm.weight"] == "F32"
    assert found["output.weight"] == "Q8_0"
    assert found["blk.0.ffn_down.weight"] == "F16"  # 48 columns are no whole number of blocks


def test_quantized_weights_are_as_near_as_their_blocks_allow(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    from gguf import GGUFReader, dequantize

    source = checkpoint("qwen2")
    convert(source, tmp_path / "x.gguf", "q8_0")
    tensor = next(
        t for t in GGUFReader(tmp_path / "x.gguf").tensors if t.name == "blk.0.attn_v.weight"
    )
    found = torch.tensor(dequantize(tensor.data, tensor.tensor_type))
    name = "model.layers.0.self_attn.v_proj.weight"
    before = load_file(source / "model.safetensors")[name]
    step = before.reshape(-1, 32).abs().amax(-1, keepdim=True) / 127
    assert bool(((found - before).reshape(-1, 32).abs() <= step * 0.6).all())


def test_an_adapter_is_merged_on_the_way(
    parts: MakeParts, tmp_path: Path, checkpoint: MakeCheckpoint
) -> None:
    from codelathe.training.export.merging import Order, merge

    made = parts(base=checkpoint("llama", **CALM))
    merge(Order(made, tmp_path / "merged", prompts=1), open_checkpoint, lambda *_: None)
    convert(made, tmp_path / "x.gguf")
    difference = logits(str(tmp_path / "merged")) - logits(str(tmp_path / "x.gguf"))
    assert difference.abs().max() < 0.02 * logits(str(tmp_path / "merged")).abs().max()


def test_an_adapter_on_a_gguf_file_keeps_its_tokenizer_and_metadata(
    parts: MakeParts, checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    base = tmp_path / "base.gguf"
    source = checkpoint("llama", **CALM)
    convert(source, base)
    on_folder = parts(base=source)
    config = json.loads((on_folder.adapter.path / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = f"gguf:{base}"
    (on_folder.adapter.path / "adapter_config.json").write_text(json.dumps(config))
    on_file = Parts(on_folder.ref, on_folder.adapter, "a", base, f"gguf:{base}", "b")
    convert(on_file, tmp_path / "x.gguf")
    assert _text(read_gguf_header(tmp_path / "x.gguf")) == _text(read_gguf_header(base))
    before, after = logits(str(base)), logits(str(tmp_path / "x.gguf"))
    assert (before - after).abs().max() > 0.01  # the adapter is in it


def _text(header: GgufHeader) -> dict[str, Any]:
    return {k: v for k, v in header.metadata.items() if k.startswith(("tokenizer.", "llama."))}


def test_a_quantized_file_made_into_another_tells_of_the_second_loss(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    convert(checkpoint("llama"), tmp_path / "first.gguf", "q8_0")
    made = convert(tmp_path / "first.gguf", tmp_path / "x.gguf", "q4_1")
    assert any("rounds once more" in note for note in made.details["notes"])
    first, second = (read_gguf_header(tmp_path / f"{n}.gguf") for n in ("first", "x"))
    assert _text(first) == _text(second)
    assert types(tmp_path / "x.gguf")["blk.0.attn_q.weight"] == "Q4_1"


def test_a_file_of_16_bits_comes_through_unchanged(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    convert(checkpoint("llama"), tmp_path / "first.gguf")
    made = convert(tmp_path / "first.gguf", tmp_path / "x.gguf")
    assert made.details["notes"] == []
    same = logits(str(tmp_path / "first.gguf")) == logits(str(tmp_path / "x.gguf"))
    assert bool(same.all())


def test_a_pruned_models_zeros_are_told_to_move_in_shifted_types(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    folder = tmp_path / "pruned"
    shutil.copytree(checkpoint("llama"), folder)
    lineage = Lineage("checkpoint", "x", "", "x", details={"pruning": {"sparsity": 0.5}})
    write_lineage(folder, lineage)
    notes = {kind: convert(folder, tmp_path / f"{kind}.gguf", kind) for kind in ("q8_0", "q4_1")}
    assert notes["q8_0"].details["notes"] == []
    assert "zeros do not stay" in notes["q4_1"].details["notes"][0]


def test_the_header_says_what_the_file_was_made_from(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    source = checkpoint("llama")
    convert(source, tmp_path / "x.gguf")
    told = json.loads(read_gguf_header(tmp_path / "x.gguf").metadata["codelathe.lineage"])
    assert told["parent"] == str(source)
    assert told["made_by"] == "export gguf"


def order(out: Path, kind: str = "f16", sha256: str = "x") -> GgufOrder:
    return GgufOrder("ref", Path("nowhere"), sha256, out, kind, 1)


def test_a_file_of_another_order_is_not_written_over(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    out = tmp_path / "x.gguf"
    convert(checkpoint("llama"), out)
    assert find_done(order(out)) is None  # written, and not checked yet
    for other in (order(out, "q8_0"), order(out, sha256="y")):
        with pytest.raises(UsageError, match="exists"):
            find_done(other)
    out.write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        find_done(order(out))


def test_an_unknown_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="q4_k_m"):
        find_done(order(tmp_path / "x.gguf", "q4_k_m"))


@pytest.mark.parametrize(("value", "told"), [(float("nan"), "are none"), (1e6, "16 bits have not")])
def test_a_weight_that_has_no_number_in_the_file_is_refused(
    checkpoint: MakeCheckpoint, tmp_path: Path, value: float, told: str
) -> None:
    folder = tmp_path / "bad"
    shutil.copytree(checkpoint("llama"), folder)
    values = load_file(folder / "model.safetensors")
    values["model.layers.0.mlp.up_proj.weight"][0, 0] = value
    save_file(values, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelFileError, match=told) as refused:
        convert(folder, tmp_path / "x.gguf")
    assert "blk.0.ffn_up.weight" in refused.value.message
    assert not (tmp_path / "x.gguf").exists()


def test_a_full_disk_is_told_and_leaves_nothing(
    checkpoint: MakeCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DiskFull):
        convert(checkpoint("llama"), tmp_path / "x.gguf")
    assert not list(tmp_path.iterdir())


def test_a_tokenizer_that_is_larger_than_the_model_is_refused(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    folder = tmp_path / "small"
    shutil.copytree(checkpoint("llama"), folder)
    values = load_file(folder / "model.safetensors")
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        values[name] = values[name][:64].contiguous()
    save_file(values, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelFileError, match="do not belong together"):
        convert(folder, tmp_path / "x.gguf")


def test_weights_in_their_makers_own_form_beside_the_checkpoints_are_passed_over(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    source = tmp_path / "m"
    shutil.copytree(checkpoint("llama"), source)
    convert(source, tmp_path / "plain.gguf")
    save_file({"tok_embeddings.weight": torch.ones(3)}, source / "consolidated.safetensors")
    convert(source, tmp_path / "both.gguf")
    assert types(tmp_path / "both.gguf") == types(tmp_path / "plain.gguf")


def test_weights_that_are_cut_short_are_told_by_their_file(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    source = tmp_path / "m"
    shutil.copytree(checkpoint("llama"), source)
    weights = source / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match=r"model\.safetensors cannot be read"):
        convert(source, tmp_path / "x.gguf")
    assert not (tmp_path / "x.gguf").exists()


def test_attention_that_is_not_scaled_is_refused(
    checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedArgument, match="scale_attn_weights"):
        convert(checkpoint("gpt2", scale_attn_weights=False), tmp_path / "x.gguf")
