"""A tuned model held against the one before: what is refused, passed, and left open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from codelathe.benchmarks import Benchmark
from codelathe.core.errors import UsageError
from codelathe.evaluation.gate import Bench, Judged, Opened, Outcome, ask, every, hold
from fakes.evaluating import asking, model
from fakes.gating import MANY, Models, gate_bench, says

BenchOf = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path) -> BenchOf:
    return lambda models, parts=("own", "general"): gate_bench(models, tmp_path, parts)


def held(bench: Bench, tmp_path: Path, tolerance: float = 0.15) -> Judged:
    before = ask("base", bench, bench.before, "before")
    return hold(before, "tuned", bench, tmp_path / "runs", tolerance)


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


def test_a_model_that_passed_too_few_to_lose_any_is_told_so(bench: BenchOf, tmp_path: Path) -> None:
    general = held(bench(passing((0, 5), (4, 0))), tmp_path).shift("general")
    assert general is not None
    assert general.seen is None


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
    for _ in ("one result", "another"):
        ask("base", bench(models), bench(models).before, "before")
    assert models.asked.count("base") == 2  # once a part


def test_each_model_is_let_go_of(bench: BenchOf, tmp_path: Path) -> None:
    models = passing((0, 12), (40, 40))
    held(bench(models), tmp_path)
    assert len(models.opened) > 1
    assert all(opened.closed for opened in models.opened)


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
