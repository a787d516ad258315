"""`lathe.json`: what a model was made from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from codelathe.core.errors import ModelFileError
from codelathe.core.lineage import (
    LINEAGE,
    Lineage,
    add_details,
    read_lineage,
    recipe_sha256,
    write_lineage,
)

MADE = Lineage(
    kind="adapter",
    base="hf:a/b",
    base_sha256="0" * 64,
    parent="adapter:runs/first",
    recipe={"train": {"steps": 3}, "seed": 1},
    made_by="tune",
    details={"pruning": {"sparsity": 0.5}},
)


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    write_lineage(tmp_path, MADE)
    assert read_lineage(tmp_path) == MADE


def test_details_stand_beside_the_fields_and_never_over_them(tmp_path: Path) -> None:
    write_lineage(tmp_path, Lineage("checkpoint", "a", "b", "c", details={"kind": "x", "own": 1}))
    document = json.loads((tmp_path / LINEAGE).read_text())
    assert (document["kind"], document["own"]) == ("checkpoint", 1)


def test_details_are_added_to_those_there_are(tmp_path: Path) -> None:
    write_lineage(tmp_path, MADE)
    add_details(tmp_path, {"gate": "passed"})
    assert read_lineage(tmp_path) == replace(MADE, details={**MADE.details, "gate": "passed"})


def test_nothing_is_added_where_nothing_is_said(tmp_path: Path) -> None:
    add_details(tmp_path, {"gate": "passed"})
    assert not list(tmp_path.iterdir())


def test_a_recipe_has_one_hash_whatever_the_order_of_its_fields() -> None:
    assert recipe_sha256({"a": 1, "b": [2]}) == recipe_sha256({"b": [2], "a": 1})
    assert recipe_sha256({"a": 1}) != recipe_sha256({"a": 2})


def test_a_folder_without_the_file_has_no_lineage(tmp_path: Path) -> None:
    assert read_lineage(tmp_path) is None
    assert read_lineage(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"kind": "song"}', '{"kind": "adapter", "base": 3}',
             '{"kind": "adapter", "recipe": []}', "\xff"],
)  # fmt: skip
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / LINEAGE).write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelFileError):
        read_lineage(tmp_path)
