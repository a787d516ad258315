"""`lathe export gguf`: the file, its check by the engines, and wrong use."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codelathe.cli import run
from codelathe.core.errors import EngineError
from codelathe.hub.parcel import pack
from fakes import checkpoints


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.save(tmp_path_factory.mktemp("m") / "gpt2", "gpt2", n_positions=1024)


def export(source: Path | str, *args: str) -> int:
    return run(["export", "gguf", str(source), "--out", "x.gguf", "--check", "1", *args])


def test_the_document_has_types_logits_and_each_engines_texts(
    gpt2: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(gpt2, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bytes"] == Path("x.gguf").stat().st_size
    assert told["tensors"]["token_embd.weight"] == "F16"
    assert told["check"]["kl_nats_per_token"] < 1e-4
    assert [engine["engine"] for engine in told["check"]["engines"]] == ["llamacpp"]
    assert "openvino does not run the file" in told["check"]["notes"][0]


def test_the_same_command_again_is_answered_from_the_record(
    gpt2: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(gpt2) == 0
    before = Path("x.gguf").stat().st_mtime_ns
    capsys.readouterr()
    assert export(gpt2) == 0
    assert "as it was made before" in capsys.readouterr().out
    assert Path("x.gguf").stat().st_mtime_ns == before
    Path("x.gguf.lathe.json").unlink()
    assert export(gpt2) == 0  # the file is taken as it is, and checked
    assert "as it was made before" not in capsys.readouterr().out
    assert Path("x.gguf").stat().st_mtime_ns == before


def test_a_file_that_differs_too_much_ends_with_3_and_is_marked(
    gpt2: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from codelathe.training.export import architectures
    from codelathe.training.export.architectures import Architecture

    wrong = architectures.ARCHITECTURES["gpt2"]
    rotated = Architecture(
        wrong.name,
        wrong.activations,
        lambda config: {**wrong.settings(config), "attention.layer_norm_epsilon": 0.5},
        wrong.transposed,
    )
    monkeypatch.setitem(architectures.ARCHITECTURES, "gpt2", rotated)
    assert export(gpt2) == 3
    assert "not the same model" in capsys.readouterr().out
    assert json.loads(Path("x.gguf.lathe.json").read_text())["check"]["passed"] is False


def test_a_file_that_memory_is_too_small_to_compare_is_no_success(
    gpt2: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from codelathe import wiring

    def cramped(model: str, precision: str) -> Any:
        if model.endswith(".gguf"):
            raise EngineError("there is too little memory")
        return opens(model, precision)

    opens = wiring.open_checkpoint
    with monkeypatch.context() as patched:
        patched.setattr(wiring, "open_checkpoint", cramped)
        assert export(gpt2) not in (0, 3)
    told = capsys.readouterr().err
    assert "x.gguf is written, and not compared: there is too little memory" in told
    assert export(gpt2) == 0  # the file is taken as it is, and compared


def test_logits_of_a_model_with_another_context_than_gpt2s_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(checkpoints.save(tmp_path / "gpt2", "gpt2", n_positions=96), "--json") == 0
    check = json.loads(capsys.readouterr().out)["check"]
    assert check["kl_nats_per_token"] < 1e-4
    assert check["engines"][0]["prompts"] == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"types": ()}, "chats and special tokens become other tokens"),
        ({"template": "{{ messages }}"}, "the chat template differs"),
        ({"special": {"eos": 5}}, "answers end with"),
        ({"special": {"eos": 2, "bos": 1}, "begins": False}, "around texts stand"),
    ],
)
def test_what_else_a_file_gets_wrong_of_texts_ends_with_3(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    told: str,
) -> None:
    from codelathe.training.export import gguf_content
    from codelathe.training.export.vocabulary import NORMAL

    whole = gguf_content.read_vocabulary

    def wrong(*args: Any) -> Any:
        own = whole(*args)
        changed = {"types": (NORMAL,) * len(own.types)} if "types" in change else change
        return replace(own, **changed)

    monkeypatch.setattr(gguf_content, "read_vocabulary", wrong)
    assert export(checkpoints.save(tmp_path / "llama", "llama")) == 3
    out = capsys.readouterr().out
    assert told in out
    assert "use it:" not in out


def test_a_disk_that_fills_up_in_the_check_is_told_and_leaves_the_file_to_be_checked(
    gpt2: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors import SafetensorError

    from codelathe.training.export import _torch_answers

    def full(*_: Any) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patched:
        patched.setattr(_torch_answers, "save_file", full)
        assert export(gpt2) == 1
    assert "the disk is full" in capsys.readouterr().err
    assert sorted(path.name for path in Path().glob("*x.gguf*")) == ["x.gguf"]
    assert export(gpt2) == 0


def test_the_card_of_a_pushed_file_tells_its_check(gpt2: Path) -> None:
    assert export(gpt2, "-q") == 0
    parcel = pack(Path("x.gguf"))
    assert parcel.kind == "gguf"
    assert "within the bounds" in parcel.card
    assert str(gpt2) not in parcel.card


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--type", "q4_k_m"], "unknown type 'q4_k_m'"),
        (["--out", "no/such/x.gguf"], "does not exist"),
        (["--out", "mine.gguf"], "exists and is not"),
    ],
)
def test_wrong_use_is_told(
    gpt2: Path, args: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.gguf").write_text("mine")
    assert export(gpt2, *args) == 2
    assert told in capsys.readouterr().err
    assert Path("mine.gguf").read_text() == "mine"


def test_a_file_in_the_models_own_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = checkpoints.save(tmp_path / "llama", "llama")
    assert export(source, "--out", str(source / "x.gguf")) == 2
    assert "would be in the folder of the model" in capsys.readouterr().err
    assert not (source / "x.gguf").exists()


def test_a_record_that_is_damaged_is_made_anew(gpt2: Path) -> None:
    assert export(gpt2, "-q") == 0
    Path("x.gguf.lathe.json").write_text('{"prompts": 1}')
    assert export(gpt2, "-q") == 0


def test_a_model_without_a_form_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(checkpoints.save(tmp_path / "bloom", "bloom")) == 2
    assert "unknown architecture for GGUF 'bloom'" in capsys.readouterr().err
    assert not Path("x.gguf").exists()
