"""What a recipe with [scratch] may say, told all at once and without torch; the command itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codelathe.cli import run
from codelathe.training.recipe_reading import check_recipe

NAMES = ("add", "take", "join", "fold", "turn", "mark", "send", "keep", "drop", "wait")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    made = [
        {"prompt": f"def {name}(value): return {n}", "completion": f"Return what {name} says."}
        for n, name in enumerate(NAMES)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in made))
    return path


def document(rows: Path, **sections: Any) -> dict[str, Any]:
    data = {"files": [str(rows)], **sections.pop("data", {})}
    return {"out": str(rows.parent / "out"), "scratch": {}, "data": data, **sections}


@pytest.mark.parametrize(
    ("sections", "where"),
    [
        ({"scratch": {"architecture": "lama"}}, "scratch.architecture"),
        ({"scratch": {"width": 100, "heads": 3}}, "scratch.heads"),
        ({"scratch": {"vocabulary": 260}}, "scratch.vocabulary"),
        ({"scratch": {"chat": True, "vocabulary": 262}}, "scratch.vocabulary"),
        ({"scratch": {"size": "10"}}, "scratch.size"),
        ({"model": {"name": "smollm2-135m"}}, "model.name"),
        ({"method": {"name": "lora"}}, "method.name"),
        ({"gate": {}, "data": {"test": 0.1}}, "gate"),
        ({"scratch": {"architecture": "encoder-decoder", "chat": True}}, "scratch.chat"),
        ({"scratch": {"architecture": "encoder-decoder"}, "data": {"long": "split"}}, "data.long"),
        (
            {"scratch": {"architecture": "encoder-decoder"}, "train": {"precision": "float16"}},
            "train.precision",
        ),
        (
            {
                "scratch": {"architecture": "encoder-decoder"},
                "train": {"gradient_checkpointing": True},
            },
            "train.gradient_checkpointing",
        ),
        (
            {"scratch": {"architecture": "encoder-decoder"}, "data": {"everything": True}},
            "data.everything",
        ),
    ],
)
def test_what_cannot_be_is_told_by_its_place(
    rows: Path, sections: dict[str, Any], where: str
) -> None:
    assert [fault.where for fault in check_recipe(document(rows, **sections))[1]] == [where]


def test_a_new_model_learns_all_weights_and_all_text(rows: Path) -> None:
    recipe, faults = check_recipe(document(rows))
    assert recipe is not None, faults
    assert (recipe.method.name, recipe.data.everything, recipe.learning_rate) == (
        "full",
        True,
        1e-3,
    )


def test_an_encoder_decoder_learns_by_the_papers_rate(rows: Path) -> None:
    recipe, faults = check_recipe(document(rows, scratch={"architecture": "encoder-decoder"}))
    assert recipe is not None, faults
    assert (recipe.data.everything, recipe.learning_rate) == (False, 1e-4)


def test_what_the_recipe_says_stays(rows: Path) -> None:
    said = document(rows, data={"everything": False}, train={"learning_rate": 0.5})
    recipe, faults = check_recipe(said)
    assert recipe is not None, faults
    assert (recipe.data.everything, recipe.learning_rate) == (False, 0.5)


@pytest.mark.parametrize("architecture", ["llama", "encoder-decoder"])
def test_what_memory_that_is_short_is_told_to_lower_can_be_lowered(
    rows: Path, architecture: str
) -> None:
    pytest.importorskip("torch")
    from codelathe.training.tuning._torch_place import lower

    recipe, faults = check_recipe(document(rows, scratch={"architecture": architecture}))
    assert recipe is not None, faults
    told = lower(recipe)
    assert "method" not in told
    assert "scratch.size" in told
    assert ("gradient_checkpointing" in told) == (architecture == "llama")


def test_the_flags_alone_make_a_recipe(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tune", "--from-scratch", "--size", "5M", "--data", str(rows), "--out", "x", "--check"]
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["usable"] is True


def test_the_command_prints_one_document_with_the_shape_and_the_answers(
    rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("trl")
    recipe = rows.with_name("recipe.toml")
    recipe.write_text(
        f'out = "{rows.parent}/out"\n[data]\nfiles = ["{rows}"]\nmax_length = 64\nagainst = []\n'
        'validation = 0.2\nby = "row"\nnear = 0\n[scratch]\narchitecture = "encoder-decoder"\n'
        "layers = 1\nwidth = 32\nheads = 4\nvocabulary = 300\n[train]\nsteps = 2\n"
    )
    assert run(["tune", str(recipe), "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["architecture"], told["layers"]) == (
        "checkpoint", "encoder-decoder", 1,
    )  # fmt: skip
    assert told["answers"]
    assert all(Path(path).is_file() for path in told["answers"].values())
