"""Which variant fits a budget: by what was measured, and honest where that tells too little."""

from __future__ import annotations

from pathlib import Path

import pytest

from codelathe.compression.variants import parse_variants
from codelathe.core.errors import EngineError, UsageError
from codelathe.evaluation.sweep import sweep
from codelathe.evaluation.sweep_budget import Advice, Budget, Fit, advise, parse_memory
from codelathe.evaluation.sweep_rows import Row
from fakes.sweeping import ASKED, Made

MB = 10**6


@pytest.fixture
def rows(tmp_path: Path) -> object:
    def made(**told: object) -> tuple[Row, ...]:
        variants = parse_variants("q8_0,q4_1,nf4")
        return sweep(ASKED, variants, tmp_path / "out", Made(**told).workshop).rows

    return made


def best(advice: Advice) -> str:
    assert advice.best is not None
    return advice.best.row.name


def test_the_fastest_is_chosen_by_its_measured_speed(rows: object) -> None:
    found = rows(speeds={"original": 20.0, "q8_0": 30.0, "q4_1": 40.0, "nf4": 5.0})
    advice = advise(found, Budget(memory=200 * MB))
    assert (best(advice), advice.fit) == ("q4_1", Fit.FITS)


def test_of_what_is_as_fast_but_for_chance_the_one_that_lost_least_goes_first(
    rows: object,
) -> None:
    found = rows(
        passed={"q4_1": 20, "nf4": 39}, speeds={"original": 10.0, "q4_1": 20.9, "nf4": 20.0}
    )
    assert best(advise(found, Budget(memory=200 * MB))) == "nf4"


def test_of_what_is_as_fast_but_for_chance_the_one_that_is_sure_goes_first(rows: object) -> None:
    advice = advise(rows(speeds={"original": 20.0, "q8_0": 20.5}), Budget(loss=0.02))
    assert (best(advice), advice.fit) == ("original", Fit.FITS)


def test_what_takes_too_much_memory_is_passed_over_however_fast(rows: object) -> None:
    found = rows(speeds={"q4_1": 40.0, "q8_0": 30.0}, peaks={"q4_1": 300 * MB})
    assert best(advise(found, Budget(memory=200 * MB))) == "q8_0"


def test_the_original_is_chosen_where_nothing_is_faster(rows: object) -> None:
    assert best(advise(rows(speeds={"original": 20.0}), Budget(memory=200 * MB))) == "original"


def test_a_loss_that_is_shown_to_be_too_large_is_passed_over(rows: object) -> None:
    found = rows(passed={"q4_1": 10}, speeds={"q4_1": 40.0, "q8_0": 30.0})
    assert best(advise(found, Budget(loss=0.1))) == "q8_0"


def test_a_loss_that_is_shown_to_be_small_enough_fits(rows: object) -> None:
    advice = advise(rows(speeds={"q8_0": 30.0}), Budget(loss=0.2))
    assert (best(advice), advice.fit) == ("q8_0", Fit.FITS)


def test_too_few_problems_are_said_to_be_too_few(rows: object) -> None:
    advice = advise(rows(speeds={"q8_0": 30.0}), Budget(loss=0.02))
    assert (best(advice), advice.fit) == ("q8_0", Fit.UNCLEAR)
    assert advice.best is not None
    assert "40 problems do not exclude a loss of 8.8" in advice.best.why


def test_what_is_sure_to_fit_is_told_beside_what_is_faster_and_is_not(rows: object) -> None:
    advice = advise(rows(speeds={"q8_0": 30.0, "original": 20.0}), Budget(loss=0.02))
    assert (best(advice), advice.fit) == ("q8_0", Fit.UNCLEAR)
    assert advice.sure is not None
    assert advice.sure.row.name == "original"


def test_nothing_is_sure_where_nothing_fits(rows: object) -> None:
    assert advise(rows(), Budget(memory=50 * MB)).sure is None


def test_a_model_that_passes_little_has_not_much_to_lose(rows: object) -> None:
    found = rows(
        passed={"original": 4, "q8_0": 0, "q4_1": 0, "nf4": 4},
        speeds={"original": 1.0, "q4_1": 40.0, "q8_0": 30.0, "nf4": 2.0},
    )
    advice = advise(found, Budget(loss=0.3))
    assert (best(advice), advice.fit) == ("nf4", Fit.UNCLEAR)
    assert advice.loss == pytest.approx(0.05), "half of 4 of 40"


def test_what_was_measured_to_lose_more_comes_after_what_was_not(rows: object) -> None:
    found = rows(
        passed={"q4_1": 38}, speeds={"original": 1.0, "q4_1": 40.0, "q8_0": 30.0, "nf4": 2.0}
    )
    advice = advise(found, Budget(loss=0.02))
    assert best(advice) == "q8_0"
    assert {one.row.name: one.fit for one in advice.standings}["q4_1"] is Fit.UNCLEAR


def test_a_budget_that_nothing_fits_says_so_of_each(rows: object) -> None:
    advice = advise(rows(), Budget(memory=50 * MB))
    assert (advice.fit, advice.best) == (Fit.NONE, None)
    assert {one.why for one in advice.standings} == {"takes 100 MB of memory"}


def test_a_failed_variant_is_never_chosen(rows: object) -> None:
    found = rows(fails={"ask q4_1": EngineError("no")}, speeds={"q4_1": 99.0})
    advice = advise(found, Budget(memory=200 * MB))
    assert best(advice) != "q4_1"
    assert {one.row.name: one.why for one in advice.standings}["q4_1"] == "failed: no"


def test_a_peak_that_is_not_known_fits_nothing(rows: object) -> None:
    found = rows(peaks={"q4_1": 0}, speeds={"q4_1": 99.0})
    assert best(advise(found, Budget(memory=200 * MB))) != "q4_1"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2GB", 2 * 10**9), ("1.5 GiB", 3 << 29), ("800m", 800 * MB), ("512MiB", 512 << 20),
        ("100000", 100_000), ("64 kb", 64_000),
    ],
)  # fmt: skip
def test_memory_is_read_in_the_usual_units(text: str, count: int) -> None:
    assert parse_memory(text) == count


@pytest.mark.parametrize("text", ["", "GB", "0", "-1GB", "2 apples", "0.0001", "1e9", "٢GB", "inf"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no amount of memory"):
        parse_memory(text)
