"""A tiny model quantized by every method: what is stored, what stays, what is said, what runs."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from codelathe.compression import quantizing as quantizing_module
from codelathe.compression import quantizing_openvino
from codelathe.compression.job import Doors, PruneJob
from codelathe.compression.options import prune_options
from codelathe.compression.pruning import prune
from codelathe.compression.quantizing import quantize
from codelathe.compression.quantizing_job import Quantized, QuantizeJob
from codelathe.compression.quantizing_methods import METHODS, Bounds
from codelathe.compression.quantizing_scores import Original
from codelathe.core import disk
from codelathe.core.errors import (
    DiskFull,
    EngineError,
    ModelFileError,
    UnsupportedArgument,
    UsageError,
)
from codelathe.core.generation import Request, Sampling
from codelathe.core.gguf import read_gguf_header
from codelathe.core.lineage import read_lineage
from codelathe.wiring import (
    find_quantizable,
    model_sha256,
    open_checkpoint,
    open_engine,
    quantize_doors,
)
from fakes import checkpoints, quantizing

Make = Callable[[str], Quantized]
FOLDERS = ("dynamic-int8", "int8", "nf4", "openvino-int8", "openvino-int4", "openvino-int4-awq")
FILES = ("q8_0", "q5_1", "q4_1")
SUFFIX = {method: ".gguf" if told.file else "" for method, told in METHODS.items()}
PRUNED = {"made_by": "compress prune", "kind": "checkpoint", "pruning": {"method": "l1"}}


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pruned one, so that zeros can be followed: half of every matrix in the blocks."""
    folder = quantizing.save(tmp_path_factory.mktemp("llama"))
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    torch.manual_seed(0)
    for name, tensor in weights.items():
        if name.endswith("proj.weight"):
            tensor[torch.rand_like(tensor) < 0.5] = 0
    safetensors.torch.save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "lathe.json").write_text(json.dumps(PRUNED))
    return folder


@pytest.fixture(scope="session")
def made(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """What a method makes of it, made once."""
    done: dict[str, Quantized] = {}

    def make(method: str) -> Quantized:
        if method not in done:
            folder = tmp_path_factory.mktemp(method)
            done[method] = quantizing.run(model, method, folder / f"out{SUFFIX[method]}")
        return done[method]

    return make


@pytest.mark.parametrize("method", [*FOLDERS, *FILES])
def test_tokens_template_and_ends_are_the_originals(made: Make, method: str) -> None:
    done = made(method)
    assert done.details["check"]["faults"] == []
    assert done.passed


@pytest.mark.parametrize(
    ("method", "kinds"),
    [
        ("dynamic-int8", {"int8"}), ("int8", {"int8", "float16"}), ("nf4", {"nf4", "bfloat16"}),
        ("openvino-int8", {"u8"}), ("openvino-int4", {"u4", "u8"}), ("q8_0", {"Q8_0"}),
        ("q5_1", {"Q5_1", "Q8_0"}), ("q4_1", {"Q4_1", "Q8_0"}),
    ],
)  # fmt: skip
def test_matrices_are_stored_in_the_methods_numbers(
    made: Make, method: str, kinds: set[str]
) -> None:
    told = made(method).details["precisions"]
    total = sum(one["weights"] for one in told.values())
    assert {kind for kind, one in told.items() if one["weights"] > 0.01 * total} == kinds


@pytest.mark.parametrize("method", ["int8", "nf4"])
def test_what_stays_in_16_bits_is_named(made: Make, method: str) -> None:
    assert any("lm_head.weight" in note for note in made(method).details["notes"])


def test_no_note_tells_of_what_stays_where_nothing_does(made: Make) -> None:
    for method in ("dynamic-int8", "openvino-int4", "q4_1"):
        assert not any("stay as they are" in note for note in made(method).details["notes"])


@pytest.mark.parametrize(
    ("method", "most"), [("dynamic-int8", 0.30), ("q8_0", 0.32), ("openvino-int8", 0.30)]
)
def test_eight_bits_take_about_a_quarter_of_32(made: Make, method: str, most: float) -> None:
    size = made(method).details["bytes"]
    assert 0.24 < size["stored"] / size["original"] < most


@pytest.mark.parametrize("method", ["dynamic-int8", "int8", "nf4", "q8_0", "q5_1", "q4_1"])
def test_zeros_stay_zero_where_the_table_says_so(made: Make, model: Path, method: str) -> None:
    name = "model.layers.1.mlp.up_proj"
    zero = open_checkpoint(str(model), "float32").model.get_submodule(name).weight == 0
    path = made(method).path
    kind = "float32" if path.is_file() else "auto"
    layer = open_checkpoint(f"{path}{'' if path.is_file() else '/'}", kind).model.get_submodule(
        name
    )
    found = layer(torch.eye(layer.in_features)) if method == "nf4" else layer.weight.T
    assert bool((found.T[zero] == 0).all()) == METHODS[method].zeros


@pytest.mark.parametrize("method", ["openvino-int8", "openvino-int4", "openvino-int4-awq"])
def test_zeros_stay_zero_in_openvinos_form(made: Make, model: Path, method: str) -> None:
    name = "model.layers.1.mlp.up_proj"
    zero = (open_checkpoint(str(model), "float32").model.get_submodule(name).weight == 0).numpy()
    found = matrices(made(method).path, zero.shape)
    assert max((weights[zero] == 0).mean() for weights in found) == 1


def matrices(folder: Path, shape: tuple[int, ...]) -> list[Any]:
    """Every matrix of that shape, as the products see it."""
    import openvino

    found = []
    for node in openvino.Core().read_model(folder / "openvino_model.xml").get_ops():
        if node.get_type_name() != "MatMul":
            continue
        if node.get_input_partial_shape(1) == openvino.PartialShape(list(shape)):
            source = openvino.Model([node.input_value(1)], [])
            found.append(openvino.compile_model(source, "CPU")({})[0])
    return found


@pytest.mark.parametrize("method", [*FOLDERS, *FILES])
def test_the_note_on_a_pruned_model_says_what_its_zeros_become(made: Make, method: str) -> None:
    [note] = [note for note in made(method).details["notes"] if "is pruned" in note]
    assert ("do not all stay" in note) != METHODS[method].zeros


@pytest.mark.parametrize(
    ("method", "engine"),
    [
        ("dynamic-int8", "transformers"), ("int8", "transformers"), ("nf4", "transformers"),
        ("openvino-int8", "openvino"), ("openvino-int4", "openvino"), ("q8_0", "llamacpp"),
        ("q4_1", "openvino"),
    ],
)  # fmt: skip
def test_an_engine_that_is_named_runs_it(made: Make, method: str, engine: str) -> None:
    done = made(method)
    assert engine in done.details["engines"]
    asked = [Request(prompt="def add(a, b):\n", sampling=Sampling(max_tokens=6))]
    with closing(open_engine(done.ref, engine)) as opened:
        [answer] = opened.generate(asked)
    assert answer.completion_tokens > 0


def test_openvinos_folder_and_the_checkpoint_take_chats(made: Make) -> None:
    for method in ("openvino-int4", "dynamic-int8"):
        with closing(open_engine(made(method).ref)) as opened:
            assert "messages" in opened.info.features


def test_the_engine_says_in_which_numbers_the_weights_are(made: Make) -> None:
    for method, told in (("dynamic-int8", "int8 on"), ("nf4", "nf4 on")):
        with closing(open_engine(made(method).ref)) as opened:
            assert told in opened.info.version


@pytest.mark.parametrize("engine", ["llamacpp", "transformers"])
def test_openvinos_form_is_refused_by_engines_that_cannot_read_it(made: Make, engine: str) -> None:
    with pytest.raises(UnsupportedArgument, match="OpenVINO's form"):
        open_engine(made("openvino-int8").ref, engine)


def test_openvinos_form_does_not_show_its_weights(made: Make) -> None:
    with pytest.raises(UsageError, match="running alone"):
        open_checkpoint(made("openvino-int8").ref)


@pytest.mark.parametrize("part", ["openvino_tokenizer.xml", "openvino_detokenizer.bin"])
def test_a_folder_that_lacks_a_part_is_refused(made: Make, tmp_path: Path, part: str) -> None:
    folder = shutil.copytree(made("openvino-int8").path, tmp_path / "broken")
    (folder / part).unlink()
    with pytest.raises(ModelFileError, match=part):
        open_engine(str(folder))


def test_lineage_tells_the_method_the_parent_and_the_pruning(made: Make, model: Path) -> None:
    told = read_lineage(made("nf4").path)
    assert told is not None
    assert (told.made_by, told.parent) == ("compress quantize", str(model))
    assert told.recipe == {"method": "nf4"}
    assert told.details["parent_sha256"] == model_sha256(str(model))
    assert told.details["pruning"] == {"method": "l1"}


def test_a_file_has_its_record_beside_it(made: Make) -> None:
    path = made("q4_1").path
    told = json.loads(path.with_name(f"{path.name}.lathe.json").read_text())
    assert told["quantization"]["method"] == "q4_1"
    assert "pruning" not in told  # its zeros are none any more


def test_the_card_tells_method_size_and_distance(made: Make) -> None:
    card = (made("openvino-int4").path / "README.md").read_text()
    assert "`openvino-int4`" in card
    assert "nats a token" in card
    assert "passages of Python's standard library" in card


def test_calibration_is_on_the_code_that_was_named(made: Make) -> None:
    done = made("openvino-int4-awq")
    told = done.details
    source, windows = told["calibration"]["source"], told["calibration"]["windows"]
    assert (source, windows) == (quantizing.CODE.source, 2)
    assert told["settings"]["awq"]
    card = (done.path / "README.md").read_text()
    assert "tokens: calibrate.py |" in card, "not the folder it is in"


def test_the_same_again_is_answered_at_once(made: Make, model: Path) -> None:
    for method in ("dynamic-int8", "q8_0"):
        done = made(method)
        before = done.path.stat().st_mtime_ns
        again = quantizing.run(model, method, done.path)
        assert again.again
        assert again.details == done.details
        assert done.path.stat().st_mtime_ns == before


def test_what_was_cut_since_is_not_taken_for_what_was_made(model: Path, tmp_path: Path) -> None:
    path = quantizing.run(model, "q8_0", tmp_path / "small.gguf").path
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UsageError, match="something at"):
        quantizing.run(model, "q8_0", path)


def test_a_file_that_somebody_put_there_meanwhile_is_kept(model: Path, tmp_path: Path) -> None:
    found, out = find_quantizable(str(model)), tmp_path / "small.gguf"
    job = QuantizeJob(found.ref, found.path, found.sha256, METHODS["q8_0"], out)

    def heard(stage: str, *_: object) -> None:
        if stage == "comparing":
            out.write_text("mine")

    with pytest.raises(UsageError, match="something at"):
        quantize(job, quantize_doors(found, heard), heard)
    assert [path.name for path in tmp_path.iterdir()] == ["small.gguf"]
    assert out.read_text() == "mine"


def test_a_file_in_the_models_own_folder_is_refused(tmp_path: Path) -> None:
    model = quantizing.save(tmp_path / "mine")
    before = sorted(model.iterdir())
    with pytest.raises(UsageError, match="in the folder of the model it is made from"):
        quantizing.run(model, "q8_0", model / "small.gguf")
    assert sorted(model.iterdir()) == before


@pytest.mark.parametrize("method", ["dynamic-int8", "q8_0"])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, method: str) -> None:
    model = quantizing.save(tmp_path / "broken")
    weights = safetensors.torch.load_file(model / "model.safetensors")
    weights["model.norm.weight"][3] = float("nan")
    safetensors.torch.save_file(weights, model / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelFileError, match=r"model\.norm holds weights that are no finite"):
        quantizing.run(model, method, tmp_path / f"out{SUFFIX[method]}")


def test_a_model_whose_scores_are_no_numbers_is_kept_and_says_so(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object) -> Any:
        return lambda window: np.full((len(window), 400), np.nan, np.float32)

    monkeypatch.setattr(quantizing_module, "torch_score", nothing)
    done = quantizing.run(model, "dynamic-int8", tmp_path / "out")
    assert done.details["check"]["faults"] == ["its scores are no numbers"]
    assert "| KL from the original on code | no number |" in (done.path / "README.md").read_text()


def test_another_method_does_not_take_its_place(made: Make, model: Path) -> None:
    with pytest.raises(UsageError, match="something at"):
        quantizing.run(model, "int8", made("dynamic-int8").path)


def test_beyond_its_bounds_a_model_is_kept_and_says_so(model: Path, tmp_path: Path) -> None:
    done = quantizing.run(model, "q4_1", tmp_path / "far.gguf", Bounds(1e-9, 1.0))
    assert not done.passed
    assert done.path.is_file()
    assert len(done.details["check"]["faults"]) == 2


def test_a_gguf_file_loses_twice_and_says_so(made: Make, tmp_path: Path) -> None:
    done = quantizing.run(made("q4_1").path, "dynamic-int8", tmp_path / "twice")
    assert any("lose twice" in note and "Q4_1" in note for note in done.details["notes"])
    assert done.passed


def test_a_file_from_a_file_keeps_its_tokenizer_and_template(made: Make, tmp_path: Path) -> None:
    done = quantizing.run(made("q8_0").path, "q4_1", tmp_path / "again.gguf")
    assert read_gguf_header(done.path).chat_template == checkpoints.CHAT_TEMPLATE


@pytest.mark.parametrize("method", ["dynamic-int8", "nf4"])
def test_what_is_quantized_already_is_refused(made: Make, tmp_path: Path, method: str) -> None:
    with pytest.raises(UsageError, match="is quantized already"):
        quantizing.run(made(method).path, "q8_0", tmp_path / "x.gguf")


def test_openvino_is_refused_for_what_it_could_not_run(tmp_path: Path) -> None:
    model = checkpoints.save(tmp_path / "gpt2", "gpt2")
    with pytest.raises(UnsupportedArgument, match="could run the result"):
        quantizing.run(model, "openvino-int8", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_widths_that_the_kernel_cannot_take_are_refused(tmp_path: Path) -> None:
    model = checkpoints.save(tmp_path / "narrow", "llama")
    with pytest.raises(UnsupportedArgument, match="blocks of 64"):
        quantizing.run(model, "nf4", tmp_path / "x")


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    model = checkpoints.save(tmp_path / "t5", "t5")
    with pytest.raises(UsageError, match="encoder-decoder"):
        quantizing.run(model, "dynamic-int8", tmp_path / "x")


@pytest.mark.parametrize("method", ["dynamic-int8", "int8", "openvino-int8", "q8_0"])
def test_packed_weights_are_quantized_as_what_they_stand_for(
    model: Path, tmp_path: Path, method: str
) -> None:
    doors = Doors(
        open=lambda: open_checkpoint(str(model), "float32"),
        reopen=lambda saved: open_checkpoint(str(saved), "float32"),
    )
    prune(PruneJob(str(model), prune_options("l1", 0.6), tmp_path / "packed"), doors)
    done = quantizing.run(tmp_path / "packed", method, tmp_path / f"x{SUFFIX[method]}")
    assert done.passed
    assert done.details["check"]["kl_nats_per_token"] < 0.1


@pytest.mark.parametrize(("method", "out"), [("q8_0", "folder"), ("nf4", "file.gguf")])
def test_a_name_that_does_not_fit_the_form_is_refused(
    model: Path, tmp_path: Path, method: str, out: str
) -> None:
    with pytest.raises(UsageError, match="is named as something else"):
        quantizing.run(model, method, tmp_path / out)


def test_engines_are_named_that_read_the_types_and_the_architecture(
    made: Make, tmp_path: Path
) -> None:
    assert "openvino" in made("q4_1").details["engines"]
    assert made("q5_1").details["engines"] == ["llamacpp", "transformers"]
    model = checkpoints.save(tmp_path / "gpt2", "gpt2", n_positions=1024)
    done = quantizing.run(model, "q8_0", tmp_path / "x.gguf")
    assert done.details["engines"] == ["llamacpp", "transformers"]


def test_k_quants_need_llama_quantize(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnsupportedArgument, match="llama-quantize, which is not on the PATH"):
        quantizing.run(model, "q4_k_m", tmp_path / "x.gguf")


@pytest.mark.parametrize("ends", [0, 1])
def test_k_quants_are_made_by_the_program_on_the_path(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: int
) -> None:
    tool = tmp_path / "llama-quantize"
    told = "cannot do this" if ends else "$3"
    tool.write_text(f'#!/bin/sh\necho "{told}"\n[ {ends} = 1 ] && exit 1\n/bin/cp "$1" "$2"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if ends:
        with pytest.raises(ModelFileError, match="cannot do this"):
            quantizing.run(model, "q4_k_m", tmp_path / "x.gguf")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["llama-quantize"]
    else:
        done = quantizing.run(model, "q4_k_m", tmp_path / "x.gguf")
        assert "F16" in done.details["precisions"]  # what this one makes of it
        assert any("stay as they are" in note for note in done.details["notes"])


@pytest.mark.parametrize("method", ["dynamic-int8", "q8_0"])
def test_a_full_disk_is_told_before_and_leaves_nothing(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(DiskFull):
        quantizing.run(model, method, tmp_path / f"x{SUFFIX[method]}")
    assert not list(tmp_path.iterdir())


def test_too_little_memory_is_told_as_what_it_is(model: Path, tmp_path: Path) -> None:
    found = find_quantizable(str(model))
    method = METHODS["dynamic-int8"]
    job = QuantizeJob(found.ref, found.path, found.sha256, method, tmp_path / "x")

    def none_left() -> Any:
        raise MemoryError

    doors = replace(quantize_doors(found, lambda *_: None), open=none_left)
    with pytest.raises(EngineError, match="too little memory to quantize"):
        quantize(job, doors)
    assert not list(tmp_path.iterdir())


@pytest.mark.model
def test_a_real_model_in_dynamic_int8_is_next_to_itself(smollm2_path: Path, tmp_path: Path) -> None:
    done = quantizing.run(smollm2_path, "dynamic-int8", tmp_path / "x", bounds=None)
    assert done.passed
    assert done.details["check"]["kl_nats_per_token"] < 0.015
    assert done.details["check"]["agreeing"] > 0.92


def test_layers_that_cannot_be_grouped_are_refused(model: Path) -> None:
    import openvino
    from openvino import opset13 as ops

    x = ops.parameter([1, 30], np.float32)
    product = ops.matmul(x, ops.constant(np.ones((8, 30), np.float32)), False, True)
    odd = openvino.Model([product], [x])
    with pytest.raises(UnsupportedArgument, match="30 inputs have no groups"):
        quantizing_openvino._group_size(odd)


WINDOWS = [[1, 2, 3], [2, 2]]


def scores(window: list[int], width: int = 5) -> Any:
    drawn = np.random.default_rng(window[0])
    return drawn.normal(size=(len(window), width)).astype(np.float32)


def asked(path: Path) -> Original:
    original = Original(scores, WINDOWS, path / "scores")
    original.ask(lambda *_: None)
    return original


def test_equal_scores_agree_in_everything(tmp_path: Path) -> None:
    found = asked(tmp_path).compare(lambda window: scores(window) + 7, lambda *_: None)
    assert found.tokens == 5
    assert found.divergence == pytest.approx(0, abs=1e-6)
    assert found.agreeing == 1
    assert found.perplexity[0] == pytest.approx(found.perplexity[1], rel=1e-5)


def test_divergence_and_perplexity_are_those_of_the_formulas(tmp_path: Path) -> None:
    found = asked(tmp_path).compare(lambda w: scores(w)[:, ::-1].copy(), lambda *_: None)
    divergence, losses = 0.0, []
    for window in WINDOWS:
        for place, row in enumerate(scores(window).astype(np.float64)):
            p = np.exp(row) / np.exp(row).sum()
            divergence += sum(p * np.log(p / p[::-1])) / 5
            if place + 1 < len(window):
                losses.append(-math.log(p[window[place + 1]]))
    assert found.divergence == pytest.approx(divergence, rel=1e-4)
    assert found.perplexity[0] == pytest.approx(math.exp(sum(losses) / 3), rel=1e-4)


def test_scores_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    found = asked(tmp_path).compare(lambda w: scores(w) * np.nan, lambda *_: None)
    assert found.broken(Bounds(1, 0)) == ["its scores are no numbers"]


def test_a_models_padding_behind_the_vocabulary_is_no_token(tmp_path: Path) -> None:
    def padded(window: list[int]) -> Any:
        return np.hstack([scores(window), np.full((len(window), 2), 50, np.float32)])

    found = asked(tmp_path).compare(padded, lambda *_: None)
    assert found.divergence == pytest.approx(0, abs=1e-6)
