"""`lathe tune` from flags and recipes to a model that other verbs take."""

from __future__ import annotations

import gc
import json
import shlex
import warnings
import weakref
from pathlib import Path
from typing import Any

import pytest

from codelathe import wiring
from codelathe.cli import gating, run
from codelathe.core.errors import LatheError, StoreError
from codelathe.evaluation import overlap
from codelathe.hub.card import read_front_matter

ROWS = [
    {"prompt": f"add {n} and {n + k}", "completion": f"def f():\n    return {n} + {n + k}\n"}
    for n in range(10)
    for k in (1, 7)
]
FLAGS = ["--data", "rows.jsonl", "--steps", "4", "--max-length", "96", "--precision", "float32"]


@pytest.fixture(autouse=True)
def rows() -> None:
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    Path("recipe.toml").write_text(
        "[data]\nagainst = []\nvalidation = 0.2\ntest = 0.1\nnear = 0\n[train]\nrows = 2\n"
        "evaluate_every = 2\nsave_every = 2\n"
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("trl", reason="the extra 'train' is not installed")
    from fakes import checkpoints

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = tmp_path_factory.mktemp("tiny")
        return str(checkpoints.save(folder, "qwen2", initializer_range=0.05))


def tuned(model: str, *more: str) -> int:
    return run(["tune", "recipe.toml", "--model", model, *FLAGS, *more])


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_what_is_tuned_is_a_model_that_generate_takes(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tuned(model, "--out", "out", "--json") == 0
    said = document(capsys)
    assert said["ref"] == "adapter:out"
    assert said["steps"] == 4
    assert min(said["tokens"], said["tokens_per_second"], said["seconds"], said["peak_memory"]) > 0
    assert run(["generate", "add", "--model", said["ref"], "--max-tokens", "2", "--json"]) in (0, 3)
    assert document(capsys)["model"] == "adapter:out"


def test_the_last_line_says_how_the_result_is_used_and_the_same_command_answers_at_once(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tuned(model, "--out", "out") == 0
    first = capsys.readouterr()
    assert first.out.splitlines()[-1] == "lathe generate PROMPT --model adapter:out"
    assert "step 4/4" in first.err
    assert tuned(model, "--out", "out") == 0
    second = capsys.readouterr()
    assert second.out == first.out
    assert "is done already" in second.err
    assert "step" not in second.err


def test_the_card_tells_task_method_and_losses_and_no_folder_of_this_machine(model: str) -> None:
    rows = str(Path("rows.jsonl").absolute())
    assert tuned(model, "--data", rows, "--out", "out", "--quiet") == 0
    card = Path("out/README.md").read_text()
    told = read_front_matter(card)
    assert told["library_name"] == "peft"
    assert told["pipeline_tag"] == "text-generation"
    assert "| method | lora, rank 16, alpha 32 |" in card
    assert "| validation loss after | " in card
    assert '"rows.jsonl"' in card
    assert str(Path.cwd()) not in card
    assert str(Path(model).parent) not in card


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Benchmarks whose data cannot be had, of those that the recipe has its rows compared with."""
    gone: set[str] = set()

    def texts(names: list[str], *_: object) -> list[tuple[str, str]]:
        if gone & set(names):
            raise StoreError("no network")
        return [("HumanEval/0", "a problem that is nothing like the rows")]

    monkeypatch.setattr(overlap, "benchmark_texts", texts)
    recipe = Path("recipe.toml").read_text()
    Path("recipe.toml").write_text(recipe.replace("[]", '["humaneval", "mbpp"]'))
    return gone


def not_compared_with() -> Any:
    return json.loads(Path("out/lathe.json").read_text())["not_compared_with"]


def test_the_result_says_which_benchmarks_its_rows_were_not_compared_with(
    model: str, capsys: pytest.CaptureFixture[str], missing: set[str]
) -> None:
    missing.add("mbpp")
    assert tuned(model, "--out", "out") == 0
    assert "rows are not compared with mbpp: no network" in capsys.readouterr().err
    assert not_compared_with() == ["mbpp"]
    missing.clear()
    assert tuned(model, "--out", "out") == 0
    assert not_compared_with() == []


def test_what_rows_were_compared_with_once_is_not_taken_back(model: str, missing: set[str]) -> None:
    assert tuned(model, "--out", "out") == 0
    missing.add("mbpp")
    assert tuned(model, "--out", "out") == 0
    assert not_compared_with() == []


def test_another_recipe_in_the_folder_is_refused_with_what_differs(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tuned(model, "--out", "out", "--quiet") == 0
    capsys.readouterr()
    assert tuned(model, "--out", "out", "--lr", "0.5") == 2
    assert "train.learning_rate is 0.0002 there and 0.5 here" in capsys.readouterr().err


def test_an_adapter_on_another_base_is_refused_by_hash(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from fakes import checkpoints

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = str(checkpoints.save(Path("base"), "qwen2", initializer_range=0.05))
        assert tuned(f"./{base}", "--out", "out", "--quiet") == 0
        checkpoints.save(Path("base"), "qwen2", seed=5)
    capsys.readouterr()
    assert run(["generate", "add", "--model", "adapter:out"]) == 1
    assert "SHA-256" in capsys.readouterr().err
    assert tuned("adapter:out", "--out", "more") == 1
    assert "was made on" in capsys.readouterr().err
    assert not (Path("more") / "run.json").exists()


def test_checking_lists_every_fault_and_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.toml").write_text("[train]\nrows = 'four'\nstep = 3\n[data]\nfiles = ['none']\n")
    assert run(["tune", "bad.toml", "--check", "--json"]) == 2
    said = document(capsys)
    assert {fault["where"] for fault in said["faults"]} == {
        "out", "model.name", "train.rows", "train.step", "data.files",
    }  # fmt: skip
    assert run(["tune", "bad.toml"]) == 2
    assert "5 faults" in capsys.readouterr().err


def test_checking_knows_the_names_of_models_and_benchmarks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("named.toml").write_text(
        "out = 'out'\n[model]\nname = 'smollm2-153m'\n[data]\nfiles = ['rows.jsonl']\n"
        "against = ['humaneval', 'mpbb']\n[gate]\ngeneral = 'absent.jsonl'\n"
    )
    assert run(["tune", "named.toml", "--check", "--json"]) == 2
    said = document(capsys)
    assert not said["usable"]
    assert {fault["where"]: fault["hint"].split(",")[0] for fault in said["faults"]} == {
        "model.name": "nearest: smollm2-135m", "data.against": "nearest: mbpp", "gate.general": "",
    }  # fmt: skip


def test_rows_that_teach_nothing_are_refused_before_anything_starts(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "x " * 400
    Path("rows.jsonl").write_text(
        "".join(json.dumps({"prompt": f"{n} {long}", "completion": "y"}) + "\n" for n in range(30))
    )
    assert tuned(model, "--out", "out") == 2
    assert "the loss would count no token" in capsys.readouterr().err
    assert not Path("out").exists()


def test_neither_recipe_nor_flags_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tune"]) == 2
    assert "lathe tune --model" in capsys.readouterr().err


def test_a_context_shorter_than_max_length_is_said(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [*FLAGS[:-4], "--max-length", "100000", *FLAGS[-2:]]
    assert run(["tune", "recipe.toml", "--model", model, *flags, "--out", "out"]) == 0
    said = capsys.readouterr().err
    assert "data.max_length is 100,000, and the model's context ends at " in said


def test_the_last_line_can_be_pasted_where_the_folder_has_spaces(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tuned(model, "--out", "my runs/내 것") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert shlex.split(last)[-2:] == ["--model", "adapter:my runs/내 것"]


def test_nothing_but_our_own_words_is_on_standard_error(
    model: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert tuned(model, "--out", "out", "--quiet", "--json") == 0
    said = capfd.readouterr()
    assert said.err == ""
    assert json.loads(said.out)["ref"] == "adapter:out"


def test_what_was_tuned_has_left_the_memory_when_the_gate_opens_its_models(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[weakref.ref[Any]] = []
    usual = wiring.open_checkpoint

    def opening(*args: Any) -> Any:
        found = usual(*args)
        opened.append(weakref.ref(found.model))
        return found

    def gate(*_: Any) -> Any:
        raise LatheError("still there" if opened[0]() is not None else "gone")

    monkeypatch.setattr(wiring, "open_checkpoint", opening)
    monkeypatch.setattr(gating, "check_gate", lambda *_: None)
    monkeypatch.setattr(gating, "run_gate", gate)
    with Path("recipe.toml").open("a") as recipe:
        recipe.write("[gate]\nevery = 1\n")
    gc.disable()  # it might come by just then
    try:
        assert tuned(model, "--out", "out") == 1
    finally:
        gc.enable()
    assert "gone" in capsys.readouterr().err
