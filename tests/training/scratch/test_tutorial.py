"""The pages that teach how models are made: what they show runs, and prints what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

from codelathe.training.recipe_reading import check_recipe, load_recipe

DOCS = Path(__file__).parents[3] / "docs"
ENGLISH, KOREAN = DOCS / "from-scratch.md", DOCS / "from-scratch.ko.md"
Block = tuple[str, str]


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def shown() -> list[tuple[str, str]]:
    """Each snippet that needs no trained model, with what the page says it prints."""
    found = blocks(ENGLISH)
    return [
        (code, after if tag == "text" else "")
        for (kind, code), (tag, after) in zip(found, [*found[1:], ("", "")], strict=True)
        if kind == "python" and '"runs/' not in code
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("code", "output"), shown())
def test_a_snippet_prints_what_the_page_shows(
    code: str, output: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(compile(code, "<page>", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == output


def test_the_recipes_are_right_for_the_rows_of_the_first_snippet(folder: Path) -> None:
    (rows, _), *_ = shown()
    exec(compile(rows, "<page>", "exec"), {"__name__": "__main__"})
    recipes = [code for kind, code in blocks(ENGLISH) if kind == "toml"]
    assert len(recipes) == 2
    for recipe in recipes:
        (folder / "recipe.toml").write_text(recipe, encoding="utf-8")
        assert check_recipe(load_recipe(folder / "recipe.toml"))[1] == []


def test_the_korean_page_shows_the_same_code_and_output() -> None:
    assert blocks(KOREAN) == blocks(ENGLISH)


@pytest.mark.parametrize("name", ["from-scratch-decoder", "from-scratch-encoder-decoder"])
def test_a_recipe_that_ships_lacks_nothing_but_its_rows(name: str, folder: Path) -> None:
    document = load_recipe(DOCS.parent / "recipes" / f"{name}.toml")
    for file in document["data"]["files"]:
        (folder / file).write_text("{}\n", encoding="utf-8")
    assert check_recipe(document)[1] == []
