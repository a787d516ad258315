"""A tuned model held against the one before: what is refused, passed, and left open."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codelathe.benchmarks import Benchmark
from codelathe.core.errors import UsageError
from codelathe.core.generation import EngineInfo
from codelathe.core.lineage import Lineage, read_lineage, write_lineage
from codelathe.engines.scripted import ScriptedEngine
from codelathe.evaluation.evaluating import Wish
from codelathe.evaluation.frontier import scaled_config
from codelathe.evaluation.gate import Bench, Judged, Opened, Outcome, Part, every, hold
from codelathe.evaluation.gate_files import Gated, mark
from codelathe.evaluation.gating import Terms, Tuned, put_through
from fakes.evaluating import asking, model
from fakes.judging import Told

MANY = 80
SAYS = {"own": 12, "general": MANY}


def says(passed: int, of: int = MANY) -> tuple[str, ...]:
    return ("passed",) * passed + ("failed",) * (of - passed)


class Models:
    """Scripted models by reference, and how often each was asked anything.

    The parts have different numbers of problems, of which a model passes the first ones.
    """

    def __init__(self, passes: dict[str, dict[str, int]]) -> None:
        self.passes = passes
        self.opened: list[str] = []
        self.asked: list[str] = []

    def __call__(self, name: str) -> Opened:
        self.opened.append(name)
        return Opened(_Asked(self, name), f"hash of {name}")


class _Asked:
    """A model that answers by how many problems it is asked."""

    def __init__(self, models: Models, name: str) -> None:
        self._models, self._name = models, name
        self._inner: ScriptedEngine = model(())
        self.closed = False

    @property
    def info(self) -> EngineInfo:
        return self._inner.info

    def generate(self, requests: Sequence[Any], watch: Any = None) -> Any:
        self._models.asked.append(self._name)
        part = next(part for part, count in SAYS.items() if count == len(requests))
        key = next(key for key in self._models.passes if self._name.endswith(key))
        said = says(self._models.passes[key][part], len(requests))
        return model(said).generate(requests, watch)

    def close(self) -> None:
        self.closed = True


BenchOf = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path) -> BenchOf:
    def make(models: Models, parts: Sequence[str] = ("own", "general")) -> Bench:
        asked = [Part(p, replace(asking(SAYS[p]), name=p), Wish()) for p in parts]  # type: ignore[arg-type]
        return Bench(asked, models, Told(), tmp_path / "before", tmp_path / "cache")

    return make


def held(bench: Bench, tmp_path: Path, tolerance: float = 0.15) -> Judged:
    return hold("base", "tuned", bench, tmp_path / "runs", tolerance)


def passing(own: tuple[int, int], general: tuple[int, int]) -> Models:
    """Models before and after that pass so many."""
    return Models(
        {
            "base": {"own": own[0], "general": general[0]},
            "tuned": {"own": own[1], "general": general[1]},
        }
    )


def test_a_result_that_learned_and_forgot_nothing_passes(bench: BenchOf, tmp_path: Path) -> None:
    found = held(bench(passing((0, 10), (40, 40))), tmp_path)
    own = found.shift("own")
    assert own is not None
    assert own.gained
    assert found.outcome is Outcome.PASSED


def test_a_drop_on_the_general_part_beyond_the_noise_is_refused(
    bench: BenchOf, tmp_path: Path
) -> None:
    assert held(bench(passing((0, 12), (40, 30))), tmp_path).outcome is Outcome.REFUSED


def test_a_drop_on_ones_own_problems_is_refused_too(bench: BenchOf, tmp_path: Path) -> None:
    assert held(bench(passing((10, 2), (40, 40))), tmp_path).outcome is Outcome.REFUSED


def test_a_drop_that_is_neither_shown_nor_excluded_is_left_open(
    bench: BenchOf, tmp_path: Path
) -> None:
    found = held(bench(passing((0, 5), (40, 37))), tmp_path, tolerance=0.05)
    assert found.outcome is Outcome.UNCLEAR


def test_a_model_that_could_do_nothing_before_passes_nothing(
    bench: BenchOf, tmp_path: Path
) -> None:
    assert held(bench(passing((0, 5), (0, 0))), tmp_path).outcome is Outcome.UNCLEAR


def test_half_of_what_a_weak_model_could_do_is_the_most_that_may_be_lost(
    bench: BenchOf, tmp_path: Path
) -> None:
    general = held(bench(passing((0, 5), (8, 8))), tmp_path).shift("general")
    assert general is not None
    assert general.margin == pytest.approx(0.05)


def test_the_model_before_is_asked_once_for_all_results_made_of_it(
    bench: BenchOf, tmp_path: Path
) -> None:
    models = passing((0, 12), (40, 40))
    hold("base", "tuned", bench(models), tmp_path / "one", 0.15)
    hold("base", "other tuned", bench(models), tmp_path / "two", 0.15)
    assert models.asked.count("base") == 2  # once a part


def test_what_changed_is_named_problem_by_problem(bench: BenchOf, tmp_path: Path) -> None:
    general = held(bench(passing((0, 0), (40, 38))), tmp_path).shift("general")
    assert general is not None
    assert (general.lost, general.won) == (("Toy/38", "Toy/39"), ())


def test_what_the_sandbox_could_not_judge_is_counted_apart(bench: BenchOf, tmp_path: Path) -> None:
    models = passing((0, 0), (40, 40))

    def opener(name: str) -> Opened:
        lost = ("unjudged",) * (name == "tuned")
        return Opened(model((*lost, *says(40, MANY - len(lost)))), name)

    general = held(replace(bench(models, ["general"]), opener=opener), tmp_path).shift("general")
    assert general is not None
    assert (general.problems, general.unjudged) == (MANY - 1, 1)


def test_the_interval_of_the_change_holds_the_change(bench: BenchOf, tmp_path: Path) -> None:
    general = held(bench(passing((0, 0), (40, 38))), tmp_path).shift("general")
    assert general is not None
    assert general.interval[0] < general.change < general.interval[1]


def test_other_engines_make_no_fair_pair(bench: BenchOf, tmp_path: Path) -> None:
    models = passing((0, 1), (40, 40))

    def opener(name: str) -> Opened:
        opened = models(name)
        if name == "tuned":
            engine = model(says(40))
            engine._info = replace(engine.info, version="2")
            return Opened(engine, "hash")
        return opened

    with pytest.raises(UsageError, match=r"engine\.version"):
        held(replace(bench(models, ["general"]), opener=opener), tmp_path)


def test_every_fourth_problem_is_a_part_of_the_same_benchmark_and_signed_so() -> None:
    whole = asking(9)
    part = every(whole, 4)
    assert list(part.tasks) == ["Toy/0", "Toy/4", "Toy/8"]
    assert part.details != whole.details


def test_every_problem_is_the_benchmark_itself() -> None:
    whole: Benchmark = asking(3)
    assert every(whole, 1) is whole


# What a refusal leads to.


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """A folder as a tuning leaves it: an adapter, checkpoints, a card."""
    folder = tmp_path / "result"
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


TERMS = Terms(0.15, 4, {"every": 4})
#: Refused as it is, and at most scales; the mildest keeps everything.
LADDER = {
    "base": {"own": 0, "general": 40},
    "result": {"own": 12, "general": 20},
    "scale-0.25": {"own": 6, "general": 40},
    "scale-0.5": {"own": 9, "general": 40},
    "scale-0.75": {"own": 11, "general": 28},
    "step-00000010": {"own": 3, "general": 39},
}


def gated(bench: BenchOf, result: Path, ladder: dict[str, dict[str, int]] = LADDER) -> Gated:
    tuned = Tuned(result, f"adapter:{result}", "base", "base")
    return put_through(tuned, bench(Models(ladder)), TERMS)


def best_of(found: Gated) -> str:
    assert found.frontier is not None
    assert found.frontier.best is not None
    return found.frontier.best.attempt.label


def test_a_refused_result_stays_refused_whatever_its_attempts_come_to(
    bench: BenchOf, result: Path
) -> None:
    assert gated(bench, result).outcome is Outcome.REFUSED


def test_the_boldest_attempt_that_passes_is_named(bench: BenchOf, result: Path) -> None:
    assert best_of(gated(bench, result)) == "scale 0.5"


def test_nothing_is_named_beyond_the_first_that_does_not_pass(bench: BenchOf, result: Path) -> None:
    lucky = {**LADDER, "scale-0.5": {"own": 9, "general": 25}, "scale-0.75": LADDER["scale-0.5"]}
    assert best_of(gated(bench, result, lucky)) == "scale 0.25"


def test_all_attempts_are_measured(bench: BenchOf, result: Path) -> None:
    found = gated(bench, result).frontier
    assert found is not None
    labels = [point.attempt.label for point in found.points]
    assert labels == ["scale 0.25", "scale 0.5", "scale 0.75", "step 10"]


def test_two_ways_of_looking_share_the_error(bench: BenchOf, result: Path) -> None:
    found = gated(bench, result).frontier
    assert found is not None
    assert found.level == pytest.approx(0.025)


def test_where_no_attempt_passes_none_is_named(bench: BenchOf, result: Path) -> None:
    found = gated(bench, result, {k: {"own": 1, "general": 20} for k in LADDER} | {
        "base": {"own": 0, "general": 40}
    })  # fmt: skip
    assert found.frontier is not None
    assert found.frontier.best is None


def test_a_result_that_passes_is_not_explored(bench: BenchOf, result: Path) -> None:
    fine = {**LADDER, "result": {"own": 12, "general": 40}}
    assert gated(bench, result, fine).frontier is None


def test_the_result_says_what_came_of_it_in_its_own_file(bench: BenchOf, result: Path) -> None:
    gated(bench, result)
    told = json.loads((result / "gate.json").read_text())
    assert told["outcome"] == "refused"
    assert told["frontier"]["best"].endswith("scale-0.5")


def test_the_lineage_is_marked_and_keeps_what_it_said(bench: BenchOf, result: Path) -> None:
    gated(bench, result)
    lineage = read_lineage(result)
    assert lineage is not None
    assert lineage.recipe == {"a": 1}
    assert lineage.details["gate"]["outcome"] == "refused"


def test_the_card_has_one_section_however_often_the_gate_is_run(
    bench: BenchOf, result: Path
) -> None:
    again = gated(bench, result)
    mark(again)
    card = (result / "README.md").read_text()
    assert card.startswith("# My adapter\n\nMade here.\n")
    assert card.count("## Gate: refused") == 1


def test_the_best_attempt_is_a_result_of_its_own(bench: BenchOf, result: Path) -> None:
    gated(bench, result)
    best = result / "gate" / "scale-0.5"
    assert json.loads((best / "gate.json").read_text())["outcome"] == "passed"
    assert (best / "adapter_model.safetensors").read_bytes() == b"weights"
    lineage = read_lineage(best)
    assert lineage is not None
    assert lineage.details["scale"] == 0.5


def test_the_frontier_is_drawn(bench: BenchOf, result: Path) -> None:
    gated(bench, result)
    assert (result / "gate" / "frontier.png").read_bytes().startswith(b"\x89PNG")


def test_a_scaled_adapter_differs_in_alpha_alone() -> None:
    config = {"lora_alpha": 32, "r": 16, "alpha_pattern": {"up": 8}}
    assert scaled_config(config, 0.5) == {"lora_alpha": 16, "r": 16, "alpha_pattern": {"up": 4}}


def test_an_adapter_that_replaces_modules_is_not_scaled(bench: BenchOf, result: Path) -> None:
    config = json.loads((result / "adapter_config.json").read_text())
    (result / "adapter_config.json").write_text(json.dumps({**config, "modules_to_save": ["head"]}))
    found = gated(bench, result).frontier
    assert found is not None
    assert [point.attempt.way for point in found.points] == ["checkpoint"]
