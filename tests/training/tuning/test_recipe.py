"""Recipes: read whole, with every fault at once; the ones that ship can be used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.errors import InputError
from codelathe.training.recipe_reading import (
    RecipeError,
    check_recipe,
    load_recipe,
    overlay,
    parse_recipe,
)

ROOT = Path(__file__).parents[3]
RECIPES = sorted((ROOT / "recipes").glob("*.toml"))
WHOLE: dict[str, Any] = {
    "out": "out", "model": {"name": "smollm2-135m"}, "data": {"files": ["rows.jsonl"]},
}  # fmt: skip


@pytest.fixture(autouse=True)
def rows() -> None:
    for name in ("rows.jsonl", "pairs.jsonl"):
        Path(name).write_text('{"text": "a"}\n')


def faults(**sections: Any) -> dict[str, str]:
    """What is wrong, by place."""
    return {f.where: f"{f.what}; {f.hint}" for f in check_recipe(overlay(WHOLE, sections))[1]}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_a_recipe_that_ships_can_be_used_and_begins_with_its_command(path: Path) -> None:
    assert parse_recipe(load_recipe(path), path.name)
    assert path.read_text().startswith(f"# lathe tune recipes/{path.name}")


def test_there_is_a_recipe_for_each_method() -> None:
    methods = {parse_recipe(load_recipe(path)).method.name for path in RECIPES}
    assert methods >= {"lora", "qlora", "full"}


def test_all_faults_are_told_at_once() -> None:
    found = faults(
        model={"name": "gguf:absent.gguf"},
        data={"files": ["absent.jsonl"], "max_lenght": 3, "long": "drip"},
        method={"name": "lara", "r": 0, "dropout": True},
        train={"rows": 5, "accumulate": 2, "learning_rate": float("nan"), "epochs": 0},
        trian={"steps": 3},
    )
    assert found.keys() == {
        "model.name", "data.files", "data.max_lenght", "data.long", "method.name", "method.r",
        "method.dropout", "train.accumulate", "train.learning_rate", "train.epochs", "trian",
    }  # fmt: skip
    assert "nearest: max_length" in found["data.max_lenght"]
    assert "nearest: lora" in found["method.name"]
    assert "train" in found["trian"]
    assert found["data.long"].startswith("is 'drip'; nearest: drop")


@pytest.mark.parametrize("where", ["out", "model.name"])
def test_a_home_that_is_nobodys_is_a_fault(where: str) -> None:
    path = "~nobody-of-that-name/x"
    given: dict[str, Any] = {"out": path} if where == "out" else {"model": {"name": path}}
    assert where in faults(**given)


@pytest.mark.parametrize(
    ("where", "sections"),
    [
        ("train.epochs", {"train": {"epochs": float("inf")}}),
        ("method.alpha", {"method": {"alpha": float("inf")}}),
        ("train.weight_decay", {"train": {"weight_decay": float("inf")}}),
        ("train.seed", {"train": {"seed": 1 << 32}}),
    ],
)
def test_numbers_that_nothing_can_be_computed_with_are_faults(
    where: str, sections: dict[str, Any]
) -> None:
    assert where in faults(**sections)


@pytest.mark.parametrize(
    ("where", "sections"),
    [
        ("train.steps", {"train": {"steps": 3, "epochs": 1}}),
        ("method.r", {"method": {"name": "full", "r": 8}}),
        ("method.quantization", {"method": {"name": "lora", "quantization": "int8"}}),
        ("method.targets", {"method": {"targets": ["all-linear", "q_proj"]}}),
        ("data.validation", {"data": {"validation": 0.6, "test": 0.5}}),
        ("data.near", {"data": {"near": 0.3}}),
        ("gate.own", {"gate": {"own": "test part"}, "data": {"test": 0}}),
        ("gate.own", {"gate": {"own": "rows.csv"}}),
        ("data.mapping", {"data": {"mapping": {"promt": "question"}}}),
        ("model.name", {"model": {"name": "openai:gpt"}}),
    ],
)
def test_choices_that_contradict_each_other_are_faults(
    where: str, sections: dict[str, Any]
) -> None:
    assert where in faults(**sections)


def test_a_flag_of_steps_counts_over_epochs_of_the_file() -> None:
    document = overlay({**WHOLE, "train": {"epochs": 3}}, {"train": {"steps": 7}})
    assert parse_recipe(document).train.steps == 7


def test_whole_numbers_are_numbers_and_one_text_is_a_list() -> None:
    document = overlay(WHOLE, {"method": {"alpha": 8}, "data": {"files": "rows.jsonl"}})
    recipe = parse_recipe(document)
    assert (recipe.method.alpha, recipe.data.files) == (8.0, ("rows.jsonl",))


def test_a_file_that_is_no_toml_is_refused_with_the_line() -> None:
    Path("bad.toml").write_text("out = 'a'\n[train\n")
    with pytest.raises(InputError, match="line 2"):
        load_recipe(Path("bad.toml"))


def test_the_error_holds_every_fault() -> None:
    with pytest.raises(RecipeError, match="2 faults") as refused:
        parse_recipe({"out": "out", "data": {"files": ["rows.jsonl"]}, "x": 1})
    assert len(refused.value.faults) == 2


def test_checking_a_recipe_loads_no_torch() -> None:
    code = (
        "import sys\n"
        "from codelathe.cli import run\n"
        "assert run(['tune', '--model', 'smollm2-135m', '--data', 'rows.jsonl', '--out', 'o',"
        " '--check']) == 0\n"
        "heavy = {'torch', 'transformers', 'numpy', 'trl', 'peft'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
