"""What a refusal leads to: weaker forms of a result, the one that is named, and what is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from codelathe.core.lineage import Lineage, read_lineage, write_lineage
from codelathe.evaluation.frontier import Attempt, Frontier, explore, scaled_attempts, scaled_config
from codelathe.evaluation.gate import Judged, Outcome, PartName, Shift
from codelathe.evaluation.gate_files import Gated, mark
from codelathe.evaluation.gating import Terms, Tuned, put_through
from codelathe.metrics.intervals import Score
from fakes.gating import Models, gate_bench

PASSED, REFUSED, UNCLEAR = Outcome.PASSED, Outcome.REFUSED, Outcome.UNCLEAR
SCALES = ("scale 0.25", "scale 0.5", "scale 0.75")
#: What each model passes: refused as it is, and at most of its scales.
LADDER = {
    "base": {"own": 0, "general": 40},
    "result": {"own": 12, "general": 20},
    "scale-0.25": {"own": 6, "general": 40},
    "scale-0.5": {"own": 9, "general": 40},
    "scale-0.75": {"own": 11, "general": 28},
    "step-00000010": {"own": 3, "general": 39},
}


def shift(part: PartName, after: float, outcome: Outcome) -> Shift:
    before, found = Score(0.5, (0.4, 0.6)), Score(after, (0.0, 1.0))
    return Shift(
        part, part, 80, 0, before, found, (), (), after - 0.5, (-0.1, 0.1), 1.0, 1.0, 0.1, 0.1, 0.1,
        outcome,
    )  # fmt: skip


def explored(outcomes: Mapping[str, Outcome]) -> Frontier:
    """Attempts in this order, each better at one's own problems than the one before."""

    def hold(model: str, level: float) -> Judged:
        place = list(outcomes).index(model)
        own = shift("own", 0.1 * place, PASSED)
        return Judged(model, (own, shift("general", 0.5, outcomes[model])), {})

    return explore([Attempt(name, name, name.split()[0]) for name in outcomes], hold)


def best_of(outcomes: Mapping[str, Outcome]) -> str | None:
    best = explored(outcomes).best
    return None if best is None else best.attempt.label


def test_the_boldest_attempt_that_passes_is_named() -> None:
    assert best_of(dict(zip(SCALES, (PASSED, PASSED, REFUSED), strict=True))) == "scale 0.5"


@pytest.mark.parametrize("first", [REFUSED, UNCLEAR])
def test_nothing_is_named_beyond_the_first_that_does_not_pass(first: Outcome) -> None:
    assert best_of(dict(zip(SCALES, (PASSED, first, PASSED), strict=True))) == "scale 0.25"


def test_where_no_attempt_passes_none_is_named() -> None:
    assert best_of(dict.fromkeys(SCALES, UNCLEAR)) is None


def test_of_two_ways_the_one_that_learned_more_is_named() -> None:
    assert best_of({"scale 0.25": PASSED, "scale 0.5": REFUSED, "step 10": PASSED}) == "step 10"


def test_two_ways_of_looking_share_the_error() -> None:
    assert explored({"scale 0.25": PASSED, "step 10": PASSED}).level == pytest.approx(0.025)


def test_one_way_has_all_of_the_error() -> None:
    assert explored(dict.fromkeys(SCALES, PASSED)).level == pytest.approx(0.05)


def test_all_attempts_are_measured() -> None:
    found = explored(dict.fromkeys(SCALES, REFUSED)).points
    assert [point.attempt.label for point in found] == list(SCALES)


# A whole folder, put through the gate once.


def make_result(folder: Path) -> Path:
    """A folder as a tuning leaves it: an adapter, checkpoints, a card."""
    for where in (folder, folder / "checkpoints" / "step-00000010"):
        where.mkdir(parents=True)
        config = {
            "peft_type": "LORA", "lora_alpha": 32, "r": 16, "bias": "none",
            "base_model_name_or_path": "base", "alpha_pattern": {"up": 8},
        }  # fmt: skip
        (where / "adapter_config.json").write_text(json.dumps(config))
        (where / "adapter_model.safetensors").write_bytes(b"weights")
    (folder / "checkpoints" / "step-00000020").mkdir()
    (folder / "README.md").write_text("# My adapter\n\nMade here.\n")
    write_lineage(folder, Lineage("adapter", "base", "0" * 64, "base", {"a": 1}, "tune"))
    return folder


def put(result: Path, models: Models) -> Gated:
    tuned = Tuned(result, f"adapter:{result}", "base", "base")
    return put_through(tuned, gate_bench(models, result.parent), Terms(0.15, 4, {"every": 4}))


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Gated:
    return put(make_result(tmp_path_factory.mktemp("gate") / "result"), Models(LADDER))


def test_a_refused_result_stays_refused_whatever_its_attempts_come_to(refused: Gated) -> None:
    assert refused.outcome is REFUSED


def test_scales_and_earlier_checkpoints_are_tried(refused: Gated) -> None:
    assert refused.frontier is not None
    labels = [point.attempt.label for point in refused.frontier.points]
    assert labels == [*SCALES, "step 10"]


def test_the_result_says_what_came_of_it_in_its_own_file(refused: Gated) -> None:
    told = json.loads((refused.folder / "gate.json").read_text())
    assert told["outcome"] == "refused"
    assert told["frontier"]["best"].endswith("scale-0.5")


def test_the_lineage_is_marked_and_keeps_what_it_said(refused: Gated) -> None:
    lineage = read_lineage(refused.folder)
    assert lineage is not None
    assert lineage.recipe == {"a": 1}
    assert lineage.details["gate"]["outcome"] == "refused"


def test_the_card_has_one_section_however_often_the_gate_is_run(refused: Gated) -> None:
    mark(refused)
    card = (refused.folder / "README.md").read_text()
    assert card.startswith("# My adapter\n\nMade here.\n")
    assert card.count("## Gate: refused") == 1


def test_the_best_attempt_is_a_result_of_its_own(refused: Gated) -> None:
    best = refused.folder / "gate" / "scale-0.5"
    assert json.loads((best / "gate.json").read_text())["outcome"] == "passed"
    assert (best / "adapter_model.safetensors").read_bytes() == b"weights"
    lineage = read_lineage(best)
    assert lineage is not None
    assert lineage.details["scale"] == 0.5


def test_the_card_of_the_best_attempt_says_what_it_is_of(refused: Gated) -> None:
    card = (refused.folder / "gate" / "scale-0.5" / "README.md").read_text()
    assert card.startswith("# My adapter")
    assert "at 0.5 of its scale" in card
    assert card.count("## Gate") == 1


def test_the_frontier_is_drawn(refused: Gated) -> None:
    picture = refused.folder / "gate" / "frontier.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_result_that_passes_is_not_explored(tmp_path: Path) -> None:
    fine = Models({**LADDER, "result": {"own": 12, "general": 40}})
    assert put(make_result(tmp_path / "result"), fine).frontier is None


def test_the_model_before_is_opened_no_more_often_for_attempts(tmp_path: Path) -> None:
    models = Models(LADDER)
    put(make_result(tmp_path / "result"), models)
    assert len(models.opened) == 2 * len(LADDER)  # once a part


def test_a_scaled_adapter_differs_in_alpha_alone() -> None:
    config = {"lora_alpha": 32, "r": 16, "alpha_pattern": {"up": 8}}
    assert scaled_config(config, 0.5) == {"lora_alpha": 16, "r": 16, "alpha_pattern": {"up": 4}}


@pytest.mark.parametrize(
    "beside", [{"modules_to_save": ["head"]}, {"bias": "all"}, {"peft_type": "IA3"}]
)
def test_an_adapter_that_is_no_multiple_of_anything_is_not_scaled(
    beside: dict[str, object], tmp_path: Path
) -> None:
    result = make_result(tmp_path / "result")
    path = result / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **beside}))
    assert scaled_attempts(result, tmp_path / "gate", "base") == []


def test_a_copy_names_the_base_as_it_was_found(tmp_path: Path) -> None:
    scaled_attempts(make_result(tmp_path / "result"), tmp_path / "gate", "elsewhere/base")
    config = json.loads((tmp_path / "gate" / "scale-0.5" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "elsewhere/base"
