"""What a sweep leaves to look at: pictures with a front, and a board of its own."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from codelathe.compression.variants import parse_variants
from codelathe.core.lineage import Lineage
from codelathe.evaluation.board.facts import Knowledge
from codelathe.evaluation.sweep import Swept, sweep
from codelathe.evaluation.sweep_budget import Budget, advise
from codelathe.evaluation.sweep_files import finish
from codelathe.evaluation.sweep_plot import Dot, draw, draw_sweep, front
from codelathe.store import Store
from fakes.sweeping import ASKED, Made

EMPTY = Budget()


def dot(across: float, score: float, label: str = "") -> Dot:
    return Dot(label or f"{across:g}/{score:g}", "quantized", across, score, (score, score))


def swept(out: Path, **told: object) -> Swept:
    variants = parse_variants("q8_0,q4_1,wanda:0.5")
    return sweep(ASKED, variants, out, Made(**told).workshop)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(home=tmp_path / "store", sources=())


def test_nothing_on_the_front_is_beaten() -> None:
    small, large, worse = dot(1, 10), dot(3, 30), dot(2, 5)
    assert front([large, worse, small], fewer=True) == [small, large]
    assert front([large, worse, small], fewer=False) == [large]


def test_equal_points_do_not_beat_each_other() -> None:
    twins = [dot(1, 10, "a"), dot(1, 10, "b")]
    assert front(twins, fewer=True) == twins


@pytest.mark.parametrize("count", [1, 2, 30])
def test_a_picture_is_drawn_of_any_number_of_points(tmp_path: Path, count: int) -> None:
    path = tmp_path / "some.png"
    draw([dot(5.0, 1.0, f"name {i}") for i in range(count)], path, ("a", "b"), fewer=True)
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) == (1008, 672)


def test_both_pictures_and_a_board_are_left(tmp_path: Path, store: Store) -> None:
    finish(swept(tmp_path / "out"), EMPTY, None, store)
    for name in ("size.png", "speed.png", "board.html", "sweep.json"):
        assert (tmp_path / "out" / name).stat().st_size > 500


def test_there_is_no_picture_of_nothing(tmp_path: Path, store: Store) -> None:
    found = swept(tmp_path / "out", speeds=dict.fromkeys(("original", "q8_0", "q4_1"), 0.0)
                  | {"wanda:0.5": 0.0})  # fmt: skip
    told = finish(found, EMPTY, None, store)
    assert [Path(path).name for path in told["pictures"]] == ["size.png"]


@pytest.mark.parametrize("name", ["문제", "$x^$", "a_b$"])
def test_a_benchmark_of_any_name_is_drawn(tmp_path: Path, name: str) -> None:
    found = swept(tmp_path / "out")
    assert len(draw_sweep(found.rows, tmp_path, name)) == 2


def test_the_advice_is_in_the_file(tmp_path: Path, store: Store) -> None:
    found = swept(tmp_path / "out", speeds={"q4_1": 99.0})
    budget = Budget(memory=10**9)
    finish(found, budget, advise(found.rows, budget), store)
    told = json.loads((tmp_path / "out" / "sweep.json").read_text())["recommendation"]
    assert (told["outcome"], told["recommended"]) == ("fits", "q4_1")
    assert told["budget"] == {"max_memory_bytes": 10**9, "max_loss": None}


def test_every_variant_is_on_the_board(tmp_path: Path, store: Store) -> None:
    finish(swept(tmp_path / "out"), EMPTY, None, store)
    page = (tmp_path / "out" / "board.html").read_text()
    for name in ("smollm2-135m-q8_0.gguf", "smollm2-135m-wanda-0.5", '"model":"smollm2-135m"'):
        assert name in page


def _checkpoint(folder: Path, **details: object) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama", "torch_dtype": "bfloat16"}')
    (folder / "model.safetensors").write_bytes(b"x" * 10)
    made_by = str(details.pop("made_by", "compress prune"))
    parent = "smollm2-135m"
    lineage = Lineage("checkpoint", parent, "0" * 64, parent, made_by=made_by, details=details)
    (folder / "lathe.json").write_text(json.dumps(lineage.document()))
    return folder


def test_a_compressed_model_has_the_type_and_size_of_what_it_was_made_from(
    tmp_path: Path, store: Store
) -> None:
    facts = Knowledge(store).facts(str(_checkpoint(tmp_path / "small")))
    assert (facts.type, facts.parameters, facts.precision) == ("instruct", 135_000_000, "BF16")


def test_a_model_that_lost_layers_has_the_size_that_is_left(tmp_path: Path, store: Store) -> None:
    pruning = {"parameters": {"before": 135, "after": 100}}
    facts = Knowledge(store).facts(str(_checkpoint(tmp_path / "small", pruning=pruning)))
    assert facts.parameters == 100


def test_a_tuned_model_has_its_parents_size_and_perhaps_not_its_type(
    tmp_path: Path, store: Store
) -> None:
    facts = Knowledge(store).facts(str(_checkpoint(tmp_path / "mine", made_by="tune")))
    assert (facts.type, facts.parameters) == ("unknown", 135_000_000)


@pytest.mark.parametrize("pruning", [3, {"parameters": 3}, {"parameters": {"after": "x"}}])
def test_a_strange_pruning_does_not_end_the_board(
    tmp_path: Path, store: Store, pruning: object
) -> None:
    Knowledge(store).facts(str(_checkpoint(tmp_path / "small", pruning=pruning)))
