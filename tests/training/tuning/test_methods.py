"""What of a model learns, by which method, and how its documents are kept apart."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from codelathe.core.errors import LatheError, ModelFileError, UsageError
from codelathe.core.lineage import Lineage, read_lineage, write_lineage
from codelathe.training.recipe import DataPart, MethodPart
from codelathe.training.tuning import tune
from codelathe.training.tuning._torch_attention import set_documents
from codelathe.training.tuning._torch_isolation import choose_layout
from codelathe.training.tuning._torch_model import Zeros, make_learner
from codelathe.training.tuning._torch_trainer import _give_loss, _nll, collate
from codelathe.training.tuning.batches import IGNORED, lay_out
from fakes import checkpoints
from training.tuning.conftest import RECIPE, Opened, documents, losses, parts, with_train

Open = Callable[..., Opened]
FULL = replace(RECIPE, method=MethodPart(name="full"))


@pytest.mark.parametrize(
    ("architecture", "layout"),
    [
        ("llama", "documents"), ("qwen2", "documents"), ("gpt2", "documents"),
        ("starcoder2", "masked"), ("mamba", "padded"), ("bloom", "padded"),
    ],
)  # fmt: skip
def test_documents_in_one_row_are_kept_apart_as_the_architecture_allows(
    architecture: str, layout: str
) -> None:
    assert choose_layout(checkpoints.model(architecture)) == layout


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "starcoder2", "mamba"])
def test_the_loss_of_a_batch_is_that_of_its_documents_one_by_one(
    opened: Open, architecture: str
) -> None:
    model = opened(architecture).model
    layout = choose_layout(model)
    _give_loss(model)
    lines = lay_out(documents(7), 48, packing=layout != "padded")
    with torch.no_grad():
        together = float(_nll(model, collate(lines, layout, 0)))
        set_documents(())
        alone = 0.0
        for document in documents(7):
            ids = torch.tensor([document.ids])
            labels = ids.masked_fill(~torch.tensor([document.trained]), IGNORED)
            alone += float(model(input_ids=ids, labels=labels).loss) * document.supervised
    assert together == pytest.approx(alone, rel=1e-4)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_head_that_scales_its_logits_has_the_loss_of_what_it_answers(
    opened: Open, tmp_path: Path, method: str
) -> None:
    start = opened("granite")
    total = count = 0.0
    for document in parts().validation.documents:
        ids = torch.tensor([document.ids])
        with torch.no_grad():
            said = start.model(input_ids=ids).logits[0, :-1].log_softmax(-1)
        counted = torch.tensor(document.trained[1:])
        total -= said.gather(1, ids[0, 1:, None])[:, 0][counted].sum().item()
        count += document.supervised
    recipe = FULL if method == "full" else RECIPE
    tuned = tune(start, parts(), with_train(recipe, steps=2), tmp_path)
    assert tuned.validation_before == pytest.approx(total / count, abs=1e-4)


def test_an_architecture_that_mixes_documents_is_tuned_in_single_rows_and_says_so(
    opened: Open, tmp_path: Path
) -> None:
    said: list[str] = []

    class Ear:
        def hear(self, now: object) -> None:
            pass

        def say(self, message: str) -> None:
            said.append(message)

    method = MethodPart(targets=("in_proj", "x_proj"))
    recipe = replace(RECIPE, data=DataPart(max_length=48, packing=True), method=method)
    tuned = tune(opened("mamba"), parts(8, 2), with_train(recipe, steps=2), tmp_path, Ear())
    assert any("see each other" in message for message in said)
    assert tuned.tokens == sum(map(len, documents(8)))


@pytest.mark.parametrize("packing", [True, False])
def test_the_gradient_is_that_of_peft_and_transformers_themselves(
    opened: Open, packing: bool
) -> None:
    ours = make_learner(opened(), RECIPE)
    _draw_adapter(ours.model)
    layout = choose_layout(ours.base)
    _give_loss(ours.base)
    _nll(ours.model, collate(lay_out(documents(6), 48, packing=packing), layout, 0)).backward()
    theirs = _plain(opened(), torch.float32)
    assert torch.allclose(_slopes(ours.model), _slopes(theirs), rtol=1e-3, atol=1e-4)


def _draw_adapter(model: Any) -> None:
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if "lora_" in name:
                weight.copy_(torch.randn(weight.shape, generator=draw) * 0.2)


def test_in_16_bits_the_gradient_is_near_the_exact_one_as_the_libraries_own_is(
    opened: Open,
) -> None:
    exact = _slopes(_plain(opened(), torch.float32))
    theirs = _slopes(_plain(opened(), torch.bfloat16))
    start = opened()
    start.model.to(torch.bfloat16)
    learner = make_learner(start, RECIPE)
    _draw_adapter(learner.model)
    layout = choose_layout(learner.base)
    _give_loss(learner.base)
    _nll(learner.model, collate(lay_out(documents(6), 48, packing=True), layout, 0)).backward()
    ours = _slopes(learner.model)
    assert layout == "documents"
    assert (ours - exact).norm() < 2 * (theirs - exact).norm()
    assert (ours - exact).norm() < 0.1 * exact.norm()


def _plain(start: Opened, kind: Any) -> Any:
    """PEFT's own model after transformers' own loss of each document."""
    import peft

    start.model.to(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = peft.LoraConfig(
            task_type="CAUSAL_LM", r=4, lora_alpha=8.0, target_modules="all-linear"
        )
        model = peft.get_peft_model(start.model, config)
    _draw_adapter(model)
    for document in documents(6):
        ids = torch.tensor([document.ids])
        labels = ids.masked_fill(~torch.tensor([document.trained]), IGNORED)
        (model(input_ids=ids, labels=labels).loss * document.supervised).backward()
    return model


def _slopes(model: Any) -> Any:
    return torch.cat(
        [p.grad.flatten() for _, p in sorted(model.named_parameters()) if p.requires_grad]
    )


def test_long_documents_in_16_bits_have_the_same_gradient_as_short_memory_of_them() -> None:
    from codelathe.training.tuning import _torch_attention as attention

    draw = torch.Generator().manual_seed(0)
    made = []
    for kept in (0, 10_000):
        attention._KEPT, before = kept, attention._KEPT
        try:
            draw.manual_seed(0)
            q, k, v = (
                torch.randn(1, h, 33, 8, generator=draw).bfloat16().requires_grad_()
                for h in (4, 2, 2)
            )
            attention._Products.apply(q, k, v, 0.3).float().square().sum().backward()
            made.append([one.grad for one in (q, k, v)])
        finally:
            attention._KEPT = before
    assert all(torch.equal(one, other) for one, other in zip(*made, strict=True))


def test_full_tuning_leaves_a_checkpoint_that_learned(opened: Open, tmp_path: Path) -> None:
    import transformers

    tuned = tune(opened(), parts(), with_train(FULL, steps=20), tmp_path)
    assert tuned.validation is not None
    assert tuned.validation_before is not None
    assert tuned.validation < tuned.validation_before - 0.5
    assert (tuned.kind, tuned.ref) == ("checkpoint", str(tmp_path))
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    total = count = 0.0
    with torch.no_grad():
        for document in documents(5, seed=1):
            ids = torch.tensor([document.ids])
            labels = ids.masked_fill(~torch.tensor([document.trained]), IGNORED)
            total += float(model(input_ids=ids, labels=labels).loss) * document.supervised
            count += document.supervised
    assert total / count == pytest.approx(tuned.validation, rel=1e-4)


def test_all_weights_are_kept_in_32_bits_where_products_are_in_16(
    opened: Open, tmp_path: Path
) -> None:
    exact = tune(opened(), parts(), with_train(FULL, steps=8), tmp_path / "exact")
    start = opened()
    tuned = tune(
        start, parts(), with_train(FULL, steps=8, precision="bfloat16"), tmp_path / "rounded"
    )
    assert {weight.dtype for weight in start.model.parameters()} == {torch.float32}
    assert tuned.validation == pytest.approx(exact.validation, rel=0.01)
    assert tuned.validation != exact.validation


def _prune(model: Any, share: float = 0.5) -> dict[str, Any]:
    masks = {}
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and module is not model.get_output_embeddings():
            draw = torch.Generator().manual_seed(len(name))
            masks[f"{name}.weight"] = torch.rand(module.weight.shape, generator=draw) > share
            module.weight.data *= masks[f"{name}.weight"]
    return masks


def test_weights_that_were_pruned_stay_exactly_zero(opened: Open, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    start = opened()
    masks = _prune(start.model)
    before = {name: weight.clone() for name, weight in start.model.state_dict().items()}
    recipe = with_train(FULL, weight_decay=0.1)
    tune(start, parts(), recipe, tmp_path)
    after = load_file(tmp_path / "model.safetensors")
    for name, mask in masks.items():
        assert not torch.count_nonzero(after[name][~mask]), name
        assert not torch.equal(after[name], before[name]), name
    lineage = read_lineage(tmp_path)
    assert lineage is not None
    assert lineage.details["pruning"]["sparsity"] == pytest.approx(0.5, abs=0.02)


def test_what_is_known_of_a_pruning_is_handed_on(
    opened: Open, folder: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "pruned"
    shutil.copytree(folder(), path)
    pruning = {"method": "wanda", "sparsity": 0.5}
    write_lineage(path, Lineage("checkpoint", "a", "b", "a", details={"pruning": pruning}))
    tune(opened(path=path), parts(), with_train(FULL, steps=1), tmp_path / "out")
    lineage = read_lineage(tmp_path / "out")
    assert lineage is not None
    assert lineage.details["pruning"] == pruning


def test_a_zero_that_was_lost_is_found_out(opened: Open) -> None:
    model = opened().model
    masks = _prune(model)
    zeros = Zeros()
    zeros.watch(model)
    zeros.require()
    name, mask = next(iter(masks.items()))
    with torch.no_grad():
        dict(model.named_parameters())[name][tuple((~mask).nonzero()[0])] = 1e-8
    with pytest.raises(LatheError, match="not zero any more"):
        zeros.require()


def test_an_adapter_says_that_its_base_was_pruned(opened: Open, tmp_path: Path) -> None:
    start = opened()
    _prune(start.model)
    tune(start, parts(), with_train(RECIPE, steps=1), tmp_path)
    lineage = read_lineage(tmp_path)
    assert lineage is not None
    assert lineage.details["base_sparsity"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("share", "pruned"), [(0.12, False), (0.5, True)])
def test_zeros_that_rounding_made_are_no_pruning(
    opened: Open, tmp_path: Path, share: float, pruned: bool
) -> None:
    path = _rounded(tmp_path / "base.gguf")
    learners = []
    for recipe in (FULL, RECIPE):
        start = opened(path=path)
        _prune(start.model, share)
        learners.append(make_learner(start, recipe))
    assert bool(learners[0].zeros.masks) is pruned
    assert bool(learners[1].base_sparsity) is pruned


def _rounded(path: Path) -> Path:
    """A GGUF file with a matrix in four bits."""
    import gguf
    import numpy as np

    writer = gguf.GGUFWriter(path, "llama")
    kind = gguf.GGMLQuantizationType.Q4_0
    writer.add_tensor("a.weight", gguf.quantize(np.ones((2, 32), "f"), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_what_accelerate_was_configured_for_does_not_go_over_the_recipe(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tune(opened(), parts(), with_train(RECIPE, steps=2), tmp_path / "plain")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    tune(opened(), parts(), with_train(RECIPE, steps=2), tmp_path / "launched")
    assert losses(tmp_path / "launched") == losses(tmp_path / "plain")


def test_an_adapter_is_gone_on_from_where_it_ended(opened: Open, tmp_path: Path) -> None:
    first = tune(opened(), parts(), RECIPE, tmp_path / "first")
    start = opened(adapter=tmp_path / "first")
    second = tune(start, parts(), with_train(RECIPE, learning_rate=1e-3), tmp_path / "second")
    assert second.validation_before == pytest.approx(first.validation, rel=1e-5)
    lineage = read_lineage(tmp_path / "second")
    assert lineage is not None
    assert lineage.parent == f"adapter:{tmp_path / 'first'}"


def test_all_weights_of_an_adapter_cannot_be_tuned(opened: Open, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is an adapter"):
        tune(opened(adapter=tmp_path / "a"), parts(), FULL, tmp_path / "out")


@pytest.mark.parametrize("architecture", checkpoints.ENCODER_DECODERS)
def test_an_encoder_decoder_is_refused(opened: Open, architecture: str) -> None:
    start = opened()
    model = checkpoints.model(architecture)
    with pytest.raises(UsageError, match="encoder-decoder"):
        make_learner(replace(start, model=model), RECIPE)


def test_modules_that_are_not_there_are_refused_with_those_that_are(
    opened: Open, tmp_path: Path
) -> None:
    recipe = replace(RECIPE, method=MethodPart(targets=("q_proj", "query")))
    with pytest.raises(UsageError, match="no modules named query") as refused:
        tune(opened(), parts(), recipe, tmp_path)
    assert "down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj" in refused.value.hint


def test_only_named_modules_learn(opened: Open) -> None:
    recipe = replace(RECIPE, method=MethodPart(targets=("q_proj", "layers.1.mlp.up_proj")))
    learner = make_learner(opened(), recipe)
    names = {n for n, p in learner.model.named_parameters() if p.requires_grad}
    assert len(names) == 2 * 3
    assert all("q_proj" in n or "layers.1.mlp.up_proj" in n for n in names)


def test_an_adapter_of_another_shape_is_refused(opened: Open, tmp_path: Path) -> None:
    import transformers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = checkpoints.save(tmp_path / "other", "llama", hidden_size=64)
        adapter = checkpoints.save_adapter(tmp_path / "adapter", other)
        assert transformers.AutoConfig.from_pretrained(other).hidden_size == 64
        with pytest.raises(ModelFileError, match="does not fit"):
            make_learner(opened(adapter=adapter), RECIPE)


@pytest.mark.parametrize("bits", ["int4", "int8"])
def test_a_quantized_base_learns_beside_itself(
    folder: Callable[..., Path], bits: str, tmp_path: Path
) -> None:
    pytest.importorskip("bitsandbytes", reason="the extra 'compress' is not installed")
    from codelathe.engines.checkpoint import load_checkpoint

    path = folder("llama")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = load_checkpoint(path, None, bits)
    start = Opened(loaded.model, loaded.tokenizer, path, str(path))
    recipe = replace(RECIPE, method=MethodPart(name="qlora", r=4, alpha=8.0, quantization=bits))
    recipe = with_train(recipe, steps=12, learning_rate=0.02)
    tuned = tune(start, parts(), recipe, tmp_path)
    assert tuned.validation is not None
    assert tuned.validation_before is not None
    assert tuned.validation < tuned.validation_before - 0.05
    assert len(losses(tmp_path)) == 12
