"""A tiny model pruned from end to end: what is saved is what was pruned, and opens everywhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers

from codelathe.compression import pruning
from codelathe.compression._torch_blocks import find_blocks
from codelathe.compression.calibration import Texts
from codelathe.compression.job import Pruned
from codelathe.core.errors import DiskFull, EngineError, ModelFileError, UsageError
from codelathe.core.generation import Request, Sampling
from codelathe.core.lineage import read_lineage
from codelathe.core.packed import PACKED
from codelathe.wiring import model_sha256, open_checkpoint, open_engine
from fakes import checkpoints

Prune = Callable[..., Pruned]
ZEROS = ("l1", "wanda", "sparsegpt")


def zeros(folder: Path) -> float:
    model = open_checkpoint(str(folder), "float32").model
    layers = [layer.matrix for block in find_blocks(model) for layer in block.layers]
    return sum(int((m == 0).sum()) for m in layers) / sum(m.numel() for m in layers)


@pytest.mark.parametrize("sparsity", [0.3, 0.5, 0.71])
@pytest.mark.parametrize("method", ZEROS)
def test_zeros_are_as_many_as_asked_after_loading_again(
    pruned: Prune, method: str, sparsity: float
) -> None:
    done = pruned("llama", method, sparsity)
    assert zeros(done.job.out) == pytest.approx(sparsity, abs=0.001)
    assert done.sparsity == pytest.approx(sparsity, abs=0.001)


@pytest.mark.parametrize("architecture", checkpoints.DECODERS)
def test_decoders_of_every_build_are_pruned(pruned: Prune, architecture: str) -> None:
    assert pruned(architecture, "sparsegpt").sparsity == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize("method", ZEROS)
def test_a_pattern_holds_in_every_layer_after_loading_again(pruned: Prune, method: str) -> None:
    done = pruned("gpt2", method, None, pattern="2:4")
    model = open_checkpoint(str(done.job.out), "float32").model
    for block in find_blocks(model):
        for layer in block.layers:
            groups = (layer.matrix != 0).reshape(layer.matrix.shape[0], -1, 4)
            assert (groups.sum(2) <= 2).all()


def test_packed_and_dense_folders_load_to_the_same_bits(pruned: Prune) -> None:
    packed, dense = pruned(out="packed"), pruned(out="dense", packed=False)
    states = [
        open_checkpoint(str(done.job.out), "float32").model.state_dict() for done in (packed, dense)
    ]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_dense_folder_is_read_by_transformers_itself(pruned: Prune) -> None:
    done = pruned(packed=False)
    model = transformers.AutoModelForCausalLM.from_pretrained(done.job.out)
    assert sum(int((m.weight == 0).sum()) for m in linear(model)) > 0


def linear(model: Any) -> list[Any]:
    return [m for m in model.modules() if isinstance(m, torch.nn.Linear)]


@pytest.mark.parametrize("packed", [True, False])
def test_a_pruned_folder_is_a_model_that_writes(pruned: Prune, packed: bool) -> None:
    done = pruned(packed=packed)
    request = Request(prompt="def add", sampling=Sampling(max_tokens=4))
    with closing(open_engine(str(done.job.out), "transformers")) as engine:
        (answer,) = engine.generate([request])
    assert answer.completion_tokens == 4


def test_a_packed_folder_is_quantized_on_loading(pruned: Prune) -> None:
    pytest.importorskip("bitsandbytes")
    done = pruned()
    model = open_checkpoint(str(done.job.out), "int8").model
    assert "Linear8bitLt" in {type(module).__name__ for module in model.modules()}


def test_lathe_json_tells_base_recipe_and_mask(pruned: Prune) -> None:
    done = pruned("llama", "wanda", None, pattern="2:4")
    told = read_lineage(done.job.out)
    assert told is not None
    assert told.kind == "checkpoint"
    assert told.parent == done.job.model
    assert told.base_sha256 == model_sha256(done.job.model)
    found = told.details["pruning"]
    assert (found["method"], found["pattern"], found["sparsity"]) == ("wanda", "2:4", 0.5)
    assert found["mask_sha256"] == done.mask_sha256
    assert len(found["layers"]) == len(done.layers)


def test_the_same_run_gives_the_same_mask_and_recipe(pruned: Prune) -> None:
    one, two = pruned(out="one"), pruned(out="two")
    assert one.mask_sha256 == two.mask_sha256
    hashes = {read_lineage(done.job.out).recipe_sha256 for done in (one, two)}  # type: ignore[union-attr]
    assert len(hashes) == 1


def test_the_card_names_no_folder_of_this_machine(pruned: Prune) -> None:
    text = (pruned("llama", "l1").job.out / "README.md").read_text()
    assert "| made from | `" in text
    assert "/" not in text.partition("| made from | `")[2].partition("`")[0]


def test_the_card_says_what_was_done(pruned: Prune) -> None:
    done = pruned()
    text = (done.job.out / "README.md").read_text()
    assert "| sparsity of the layers' linear weights | 50.00% |" in text
    assert PACKED in text
    assert "4 x 160 tokens: code" in text


def test_pruning_what_was_pruned_says_so(pruned: Prune) -> None:
    done = pruned("llama", "wanda", 0.3)
    again = pruned(done.job.out, "sparsegpt", 0.6, out="again")
    assert any("30.0% of the weights were zero already" in note for note in again.notes)
    assert zeros(again.job.out) == pytest.approx(0.6, abs=0.001)


def test_pruning_less_than_is_pruned_already_is_refused(pruned: Prune) -> None:
    done = pruned("llama", "wanda", 0.5)
    with pytest.raises(UsageError, match=r"50\.0% of the weights are zero already"):
        pruned(done.job.out, "wanda", 0.4, out="again")


def test_what_was_pruned_without_a_pattern_can_be_given_one(pruned: Prune) -> None:
    done = pruned("llama", "wanda", 0.5)
    again = pruned(done.job.out, "sparsegpt", None, out="again", pattern="2:4")
    model = open_checkpoint(f"{again.job.out}/", "float32").model
    for block in find_blocks(model):
        for layer in block.layers:
            assert (layer.matrix.reshape(-1, 4) == 0).sum(1).min() >= 2
    assert any("were zero already" in note for note in again.notes)


def test_a_quantized_checkpoint_is_refused(
    pruned: Prune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoints.save(tmp_path / "quantized", "llama")
    real = pruning.read_checkpoint_header

    def quantized(path: Path) -> Any:
        header = real(path)
        header.config["quantization_config"] = {"quant_method": "bitsandbytes"}
        return header

    monkeypatch.setattr(pruning, "read_checkpoint_header", quantized)
    with pytest.raises(UsageError, match="is quantized"):
        pruned(folder)


def test_a_pattern_that_does_not_divide_leaves_nothing(pruned: Prune, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the pattern 3:5 does not divide"):
        pruned("llama", "wanda", None, pattern="3:5")
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_taken_is_refused_before_the_model_is_opened(
    pruned: Prune, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="there is something at"):
        pruned(Path("no such model"))
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["layers.1.mlp.up_proj", "embed_tokens", "norm"])
def test_weights_that_are_no_numbers_are_refused(pruned: Prune, tmp_path: Path, name: str) -> None:
    folder = checkpoints.save(tmp_path / "broken", "llama")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        model.model.get_submodule(name).weight.view(-1)[3] = float("nan")
    model.save_pretrained(folder)
    with pytest.raises(ModelFileError, match=f"model.{name} holds weights .* before anything"):
        pruned(folder)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_run_that_ends_early_leaves_nothing(
    pruned: Prune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def ended(*_: object) -> None:
        raise error

    monkeypatch.setattr(pruning, "_describe", ended)
    with pytest.raises(EngineError if error is MemoryError else error):
        pruned()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_before_anything_is_written(
    pruned: Prune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(DiskFull, match="10 are free"):
        pruned()
    assert not list(tmp_path.iterdir())


def test_what_comes_back_otherwise_is_not_kept(
    pruned: Prune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pruning._describe

    def spoiled(opened: Any, done: Any, folder: Path) -> None:
        real(opened, done, folder)
        config = json.loads((folder / "config.json").read_text())
        config["rms_norm_eps"] = 10.0
        (folder / "config.json").write_text(json.dumps(config))

    monkeypatch.setattr(pruning, "_describe", spoiled)
    with pytest.raises(ModelFileError, match="its scores differ"):
        pruned()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "gpt2", "starcoder2", "codegen"])
def test_structured_pruning_gives_a_smaller_ordinary_checkpoint(
    pruned: Prune, architecture: str
) -> None:
    done = pruned(architecture, "l1-structured", 0.4)
    model = transformers.AutoModelForCausalLM.from_pretrained(done.job.out)
    assert model.num_parameters() == done.parameters[1] < done.parameters[0]
    assert done.sparsity == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize("architecture", ["bloom", "mamba"])
def test_what_cannot_be_made_narrower_is_refused(pruned: Prune, architecture: str) -> None:
    with pytest.raises(UsageError, match="can be made smaller"):
        pruned(architecture, "l1-structured", 0.4)


def test_heads_go_by_groups_and_their_size_stays(pruned: Prune) -> None:
    done = pruned("llama", "l1-structured", 0.5)
    config = transformers.AutoConfig.from_pretrained(done.job.out)
    assert (config.num_attention_heads, config.num_key_value_heads, config.head_dim) == (2, 1, 8)
    assert done.removed["heads"] == (2, 4)


def test_the_heads_and_neurons_with_the_least_weight_go(pruned: Prune, tmp_path: Path) -> None:
    folder = checkpoints.save(tmp_path / "made", "llama")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        for block in model.model.layers:
            block.mlp.down_proj.weight[:, ::2] *= 1e-4
            block.mlp.up_proj.weight[::2] *= 1e-4
            block.mlp.gate_proj.weight[::2] *= 1e-4
            block.self_attn.o_proj.weight[:, :16] = 0  # what the first group of heads says
            block.self_attn.v_proj.weight[:8] = 0
    model.save_pretrained(folder)
    done = pruned(folder, "l1-structured", 0.5)
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    with torch.no_grad():
        before, after = (
            transformers.AutoModelForCausalLM.from_pretrained(path)(ids).logits
            for path in (folder, done.job.out)
        )
    assert torch.allclose(before, after, atol=0.01 * float(before.abs().max()))


def test_so_much_that_no_neuron_stays_is_refused(pruned: Prune) -> None:
    with pytest.raises(UsageError, match="not so much can be taken away"):
        pruned("gpt2", "l1-structured", 0.9)


def test_depth_drops_the_block_that_does_nothing(pruned: Prune, tmp_path: Path) -> None:
    folder = checkpoints.save(tmp_path / "deep", "llama", num_hidden_layers=4)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        model.model.layers[2].self_attn.o_proj.weight.zero_()
        model.model.layers[2].mlp.down_proj.weight.zero_()
    model.save_pretrained(folder)
    done = pruned(folder, "depth", 0.25)
    assert done.removed == {"blocks": [2]}
    smaller = transformers.AutoModelForCausalLM.from_pretrained(done.job.out)
    assert smaller.config.num_hidden_layers == 3
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    with torch.no_grad():
        assert torch.allclose(model(ids).logits, smaller(ids).logits, atol=1e-4)


def test_what_a_configuration_tells_of_each_block_is_cut_with_them(
    pruned: Prune, tmp_path: Path
) -> None:
    folder = checkpoints.save(
        tmp_path / "deep", "qwen2", num_hidden_layers=4,
        layer_types=["full_attention", "sliding_attention"] * 2, use_sliding_window=True,
        sliding_window=4,
    )  # fmt: skip
    done = pruned(folder, "depth", 0.5)
    config = transformers.AutoConfig.from_pretrained(done.job.out)
    kinds = ["full_attention", "sliding_attention"] * 2
    gone = done.removed["blocks"]
    assert config.layer_types == [kind for n, kind in enumerate(kinds) if n not in gone]


def test_a_model_of_one_block_is_told_what_else_there_is(pruned: Prune, tmp_path: Path) -> None:
    folder = checkpoints.save(tmp_path / "flat", "llama", num_hidden_layers=1)
    with pytest.raises(UsageError, match="1 of the model's 1 blocks") as caught:
        pruned(folder, "depth", 0.5)
    assert "--method l1-structured" in caught.value.hint


@pytest.mark.parametrize("sparsity", [0.1, 0.9])
def test_a_share_of_no_block_or_of_all_is_refused(pruned: Prune, sparsity: float) -> None:
    with pytest.raises(UsageError, match="of the model's 2 blocks"):
        pruned("llama", "depth", sparsity)


@pytest.mark.parametrize("method", ["wanda", "depth"])
def test_recovery_lowers_the_perplexity_and_keeps_the_zeros(pruned: Prune, method: str) -> None:
    bare = pruned("llama", method, out="bare")
    done = pruned("llama", method, recover=12)
    won = done.recovered
    assert won is not None
    assert won.recovered < won.pruned
    assert done.mask_sha256 == bare.mask_sha256
    assert done.sparsity == bare.sparsity


def test_recovery_of_the_same_run_gives_the_same_weights(pruned: Prune) -> None:
    files = [(pruned(recover=2, out=out).job.out / PACKED).read_bytes() for out in ("one", "two")]
    assert files[0] == files[1]


def test_a_recipe_tells_what_was_learned_from(pruned: Prune) -> None:
    recipes = []
    for name in ("one", "two"):
        texts = Texts((f"def {name}(a, b):\n    return a + b\n" * 200,), "the same name")
        done = pruned("llama", "l1", recover=1, texts=texts, out=name)
        recipes.append(read_lineage(done.job.out))
    assert recipes[0].recipe["lessons"]["source"] == "the same name"
    assert recipes[0].recipe_sha256 != recipes[1].recipe_sha256


def test_prose_to_learn_from_is_told_of(pruned: Prune) -> None:
    prose = Texts(("We met on Tuesday and talked about the garden.\n" * 200,), "mail")
    assert any(
        "look like code" in note for note in pruned("llama", "l1", recover=1, texts=prose).notes
    )


def test_too_little_text_to_recover_on_is_refused_before_anything_is_pruned(
    pruned: Prune, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_apply", lambda *_: pytest.fail("it was pruned"))
    with pytest.raises(UsageError, match="too few to recover on"):
        pruned(recover=1, texts=Texts(("def add(a, b):\n" * 60,), "short"))
