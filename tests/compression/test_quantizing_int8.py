"""Dynamic int8: its products against plain ones, and what is saved against what was computed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers

from codelathe.core.errors import UnsupportedArgument
from codelathe.engines._torch_int8 import Int8Embedding, Int8Linear, quantize_model
from codelathe.wiring import new_model, open_checkpoint
from fakes import checkpoints

IDS = torch.arange(10, 60)[None]


def layer(
    outputs: int = 24, inputs: int = 40, bias: bool = True
) -> tuple[Int8Linear, torch.Tensor]:
    """A layer, and the weights that its int8 stand for."""
    torch.manual_seed(3)
    outputs, inputs = 24, 40
    made = Int8Linear(outputs, inputs, torch.empty(outputs) if bias else None)
    made.weight.data = torch.randint(-127, 128, (outputs, inputs), dtype=torch.int8)
    made.weight_scale.data = torch.rand(outputs) * 0.01 + 0.001
    if bias:
        made.bias.data = torch.randn(outputs)
    return made, made.weight.double() * made.weight_scale.double()[:, None]


@pytest.mark.parametrize("rows", [1, 2, 7, 130])
def test_a_product_is_that_of_the_weights_to_four_digits(rows: int) -> None:
    made, weight = layer()
    x = torch.randn(rows, 40)
    exact = x.double() @ weight.T + made.bias.double()
    assert (made(x).double() - exact).abs().max() < 1e-4 * exact.abs().max()


def test_values_beside_one_a_thousand_times_as_large_are_not_lost() -> None:
    made, weight = layer(bias=False)
    x = torch.randn(1, 40)
    x[0, 5] = 1000.0
    weight[:, 5] = 0
    made.weight.data[:, 5] = 0
    exact = x.double() @ weight.T
    assert (made(x).double() - exact).abs().max() < 0.05 * exact.abs().max()


def test_a_row_does_not_hang_on_the_rows_beside_it() -> None:
    made, _ = layer()
    x = torch.randn(6, 40) * torch.tensor([[1.0], [100.0], [0.01], [1.0], [1e4], [0.0]])
    together = made(x)
    assert all(torch.equal(together[row], made(x[row : row + 1])[0]) for row in range(6))


def test_layers_that_share_activations_take_no_others_for_them() -> None:
    (first, weight), (second, _) = layer(bias=False), layer(bias=False)
    second.shared = first.shared
    x, y = torch.randn(3, 40), torch.randn(3, 40)
    made = [first(x), second(x), second(y), first(y), first(x)]
    for given, found in zip((x, x, y, y, x), made, strict=True):
        exact = given.double() @ weight.T
        assert (found.double() - exact).abs().max() < 1e-4 * exact.abs().max()


def test_what_is_no_number_stays_none() -> None:
    made, _ = layer()
    x = torch.randn(2, 40)
    x[1, 3] = float("nan")
    assert made(x)[1].isnan().all()
    assert made(x)[0].isfinite().all()


def test_a_product_keeps_the_shape_and_the_type_of_what_it_is_given() -> None:
    made, _ = layer()
    found = made(torch.randn(2, 3, 40, dtype=torch.bfloat16))
    assert found.shape == (2, 3, 24)
    assert found.dtype == torch.bfloat16


@pytest.mark.parametrize(
    "architecture", ["llama", "qwen2", "gpt2", "codegen", "starcoder2", "bloom"]
)
def test_decoders_of_every_build_load_back_to_the_same_scores(
    architecture: str, tmp_path: Path
) -> None:
    model = checkpoints.model(architecture)
    with torch.no_grad():
        quantize_model(model)
        before = model(input_ids=IDS).logits
    model.save_pretrained(tmp_path)
    checkpoints.tokenizer(architecture).save_pretrained(tmp_path)
    again = open_checkpoint(str(tmp_path)).model
    with torch.no_grad():
        assert torch.equal(again(input_ids=IDS).logits, before)


@pytest.mark.parametrize("tied", [True, False])
def test_every_linear_layer_and_table_of_tokens_is_in_int8(tied: bool) -> None:
    model = checkpoints.model("llama", tie_word_embeddings=tied)
    quantize_model(model)
    kinds = {type(module) for module in model.modules()}
    assert {Int8Linear, Int8Embedding} <= kinds
    assert not {torch.nn.Linear, torch.nn.Embedding} & kinds
    shared = model.lm_head.weight is model.get_input_embeddings().weight
    assert shared == tied


def test_zeros_stay_zero() -> None:
    model = checkpoints.model("llama")
    weight = model.model.layers[0].mlp.up_proj.weight.data
    weight[torch.rand_like(weight) < 0.5] = 0
    zero = weight == 0
    quantize_model(model)
    assert (model.model.layers[0].mlp.up_proj.weight.data[zero] == 0).all()


def test_a_layer_of_zeros_gives_zeros() -> None:
    model = checkpoints.model("llama")
    model.lm_head.weight.data.zero_()
    quantize_model(model)
    with torch.no_grad():
        assert (model(input_ids=IDS).logits == 0).all()


def test_torchs_own_fused_layers_are_refused() -> None:
    settings = {"vocab_size": 64, "d_model": 32, "num_attention_heads": 2, "feed_forward": 32}
    model = new_model({"model_type": "codelathe-seq2seq", "encoder_layers": 1, "decoder_layers": 1}
                      | settings)  # fmt: skip
    with pytest.raises(UnsupportedArgument, match="fused"):
        quantize_model(model)


def test_transformers_alone_says_that_it_does_not_know_the_method(tmp_path: Path) -> None:
    model = checkpoints.model("llama")
    quantize_model(model)
    model.save_pretrained(tmp_path)
    config = transformers.AutoConfig.from_pretrained(tmp_path)
    assert config.quantization_config["quant_method"] == "codelathe-int8"
