"""Wanda and SparseGPT against the papers' formulas written out plainly; magnitudes; patterns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from codelathe.compression._torch_blocks import Layer, Stream, find_blocks
from codelathe.compression._torch_masks import (
    check_pattern,
    lowest_in_groups,
    lowest_in_rows,
    prune_by_magnitude,
)
from codelathe.compression._torch_sparsegpt import Hessian
from codelathe.compression._torch_wanda import InputNorms
from codelathe.compression.options import Pattern, prune_options
from codelathe.core.errors import UsageError
from fakes import checkpoints
from fakes.pruning import reconstruction_error, sparsegpt, wanda_mask

ROWS, COLUMNS, TOKENS = 24, 160, 500


def layer(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Weights, and inputs that hang together and differ in size, as those of models do."""
    made = torch.Generator().manual_seed(seed)
    mixed = torch.randn(COLUMNS, COLUMNS, generator=made) / COLUMNS**0.5 + torch.eye(COLUMNS)
    sizes = torch.exp(torch.randn(COLUMNS, generator=made))
    inputs = torch.randn(TOKENS, COLUMNS, generator=made) @ mixed * sizes
    return torch.randn(ROWS, COLUMNS, generator=made) * 0.05, inputs


def by_wanda(weights: Tensor, inputs: Tensor, sparsity: float) -> Tensor:
    norms = InputNorms(weights.shape[1], torch.device("cpu"))
    for part in inputs.split(97):
        norms.add(part)
    pruned = weights.clone()
    norms.prune(pruned, prune_options("wanda", sparsity))
    return pruned


def by_sparsegpt(
    weights: Tensor, inputs: Tensor, sparsity: float | None, pattern: str | None = None
) -> Tensor:
    hessian = Hessian(weights.shape[1], torch.device("cpu"))
    for part in inputs.split(97):
        hessian.add(part)
    pruned = weights.clone()
    hessian.prune(pruned, prune_options("sparsegpt", sparsity, pattern))
    return pruned


@pytest.mark.parametrize("sparsity", [0.25, 0.5, 0.75])
def test_wanda_takes_the_weights_that_the_paper_takes(sparsity: float) -> None:
    weights, inputs = layer()
    found = by_wanda(weights, inputs, sparsity) == 0
    assert (found == wanda_mask(weights, inputs, sparsity)).double().mean() >= 0.999


def test_wanda_changes_no_weight_that_stays() -> None:
    weights, inputs = layer()
    pruned = by_wanda(weights, inputs, 0.5)
    assert torch.equal(pruned[pruned != 0], weights[pruned != 0])


@pytest.mark.parametrize("sparsity", [0.5, 0.7])
def test_sparsegpt_reconstructs_as_well_as_the_paper(sparsity: float) -> None:
    weights, inputs = layer()
    ours = reconstruction_error(weights, by_sparsegpt(weights, inputs, sparsity), inputs)
    plain = reconstruction_error(weights, sparsegpt(weights, inputs, sparsity), inputs)
    assert ours == pytest.approx(plain, rel=0.01)


def test_sparsegpt_takes_the_weights_that_the_paper_takes() -> None:
    weights, inputs = layer()
    ours, plain = by_sparsegpt(weights, inputs, 0.5) == 0, sparsegpt(weights, inputs, 0.5) == 0
    assert (ours == plain).double().mean() >= 0.99


def test_sparsegpt_reconstructs_better_than_wanda_and_wanda_than_magnitude() -> None:
    weights, inputs = layer()
    magnitude = weights.masked_fill(lowest_in_rows(weights.abs(), 0.5), 0)
    errors = [
        reconstruction_error(weights, pruned, inputs)
        for pruned in (
            by_sparsegpt(weights, inputs, 0.5), by_wanda(weights, inputs, 0.5), magnitude
        )
    ]  # fmt: skip
    assert errors[0] < errors[1] < errors[2]


def test_sparsegpt_makes_the_zeros_of_a_pattern() -> None:
    weights, inputs = layer()
    pruned = by_sparsegpt(weights, inputs, None, "2:4")
    assert ((pruned != 0).reshape(ROWS, -1, 4).sum(2) <= 2).all()


def test_sparsegpt_works_where_inputs_are_dead_or_tokens_few() -> None:
    weights, inputs = layer()
    inputs = inputs[:5].clone()
    inputs[:, 3] = 0
    pruned = by_sparsegpt(weights, inputs, 0.5)
    assert pruned.isfinite().all()
    assert (pruned[:, 3] == 0).all()


@pytest.mark.parametrize("method", [by_wanda, by_sparsegpt])
def test_a_layer_that_no_token_reached_is_pruned_by_size(
    method: Callable[[Tensor, Tensor, float], Tensor],
) -> None:
    weights, inputs = layer()
    pruned = method(weights, inputs[:0], 0.5)
    assert (pruned == 0).double().mean() == 0.5
    assert torch.equal(pruned[pruned != 0], weights[pruned != 0])


@pytest.mark.parametrize("sparsity", [0.1, 0.3333, 0.5, 0.77])
@pytest.mark.parametrize("shape", [(64, 30), (7, 576), (200, 3)])
def test_rows_lose_the_share_exactly(sparsity: float, shape: tuple[int, int]) -> None:
    mask = lowest_in_rows(torch.rand(shape), sparsity)
    assert int(mask.sum()) == round(mask.numel() * sparsity)
    assert mask.sum(1).max() - mask.sum(1).min() <= 1


def test_groups_keep_their_largest() -> None:
    scores = torch.tensor([[1.0, 4.0, 3.0, 2.0, 0.0, 0.0, 5.0, 6.0]])
    mask = lowest_in_groups(scores, Pattern(2, 4))
    assert mask.tolist() == [[True, False, False, True, True, True, False, False]]


def test_a_pattern_that_does_not_divide_names_the_layer() -> None:
    with pytest.raises(UsageError, match="does not divide first, which has 30 inputs"):
        check_pattern([Layer("first", nn.Linear(30, 8))], prune_options("l1", None, "2:4"))


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_magnitude_leaves_no_negative_zero(scope: str) -> None:
    layers = [Layer(str(n), nn.Linear(32, 16)) for n in range(3)]
    prune_by_magnitude(layers, prune_options("l1", 0.5, None, scope))
    for one in layers:
        assert not (one.matrix.signbit() & (one.matrix == 0)).any()


def test_the_global_scope_compares_all_layers() -> None:
    small, large = nn.Linear(32, 16), nn.Linear(32, 16)
    nn.init.uniform_(small.weight, -0.001, 0.001)
    nn.init.uniform_(large.weight, 0.1, 0.2)
    layers = [Layer("small", small), Layer("large", large)]
    prune_by_magnitude(layers, prune_options("l1", 0.5, None, "global"))
    assert (small.weight == 0).all()
    assert not (large.weight == 0).any()


@pytest.mark.parametrize("architecture", checkpoints.DECODERS)
def test_blocks_run_one_by_one_give_what_the_model_gives(architecture: str) -> None:
    model = checkpoints.model(architecture)
    windows = [[7, 8, 9, 10, 11, 12], [30, 20, 10, 5, 6, 7]]
    stream, blocks = Stream(model, windows), find_blocks(model)
    for number in range(len(blocks)):
        stream.advance(number)
    with torch.no_grad():
        whole = model.base_model(
            input_ids=torch.tensor(windows[1:]), use_cache=False, output_hidden_states=True
        )
        # The last of the hidden states has the norm behind the blocks on it already.
        norms = [m for n, m in model.base_model.named_children() if "norm" in n or n == "ln_f"]
        assert torch.allclose(norms[-1](stream.states[1]), whole.last_hidden_state, atol=1e-4)


def test_every_linear_layer_of_the_blocks_is_found_and_no_other() -> None:
    names = {layer.name for b in find_blocks(checkpoints.model("llama")) for layer in b.layers}
    linear = {
        name
        for name, module in checkpoints.model("llama").named_modules()
        if isinstance(module, nn.Linear) and name != "lm_head"
    }
    assert names == linear


def test_an_encoder_decoder_is_refused() -> None:
    with pytest.raises(UsageError, match="is an encoder-decoder"):
        find_blocks(checkpoints.model("t5"))


@pytest.mark.model
def test_real_layers_are_pruned_as_the_papers_do(smollm2_path: Path) -> None:
    from codelathe.compression.calibration import cut_windows, library_texts
    from codelathe.wiring import open_checkpoint

    opened = open_checkpoint(str(smollm2_path), "float32")
    windows = cut_windows(
        library_texts(), lambda text: opened.tokenizer(text)["input_ids"], 4, 256, None
    )
    one = find_blocks(opened.model)[0].layers[0]
    read: list[Tensor] = []
    handle = one.module.register_forward_pre_hook(lambda _, given: read.append(given[0][0]))
    for _ in Stream(opened.model, windows.ids).outputs(0):
        pass
    handle.remove()
    inputs, weights = torch.cat(read[-4:]), one.matrix[:96].clone()
    wanda = by_wanda(weights, inputs, 0.5) == 0
    assert (wanda == wanda_mask(weights, inputs, 0.5)).double().mean() >= 0.999
    ours = reconstruction_error(weights, by_sparsegpt(weights, inputs, 0.5), inputs)
    plain = reconstruction_error(weights, sparsegpt(weights, inputs, 0.5), inputs)
    assert ours == pytest.approx(plain, rel=0.01)
