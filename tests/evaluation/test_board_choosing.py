"""Which rows the board shows, in which groups, with which ranks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.errors import UnknownName, UsageError
from codelathe.evaluation.board.choosing import (
    Choice,
    check,
    chosen,
    grouped,
    metrics_of,
    parse_max_size,
    rank,
)
from codelathe.evaluation.board.row import BoardRow, Facts, Mark

INTERVALS = st.tuples(st.integers(0, 100), st.integers(0, 40)).map(
    lambda pair: (pair[0] / 200, (pair[0] + pair[1]) / 200)
)


def row(model: str = "m", score: float = 0.5, **other: Any) -> BoardRow:
    usual: dict[str, Any] = {
        "model": model, "facts": Facts(), "benchmark": "toy", "protocol": "plain",
        "scores": {"pass@1": Mark(score, (score - 0.05, score + 0.05))},
        "origin": "run", "source": model,
    }  # fmt: skip
    return BoardRow(**usual | other)


def of_interval(low: float, high: float) -> BoardRow:
    return row(scores={"pass@1": Mark((low + high) / 2, (low, high))})


def models(rows: list[BoardRow], **choice: Any) -> list[str]:
    return [r.model for r in chosen(rows, Choice(**choice))]


def order(rows: list[BoardRow], sort: str) -> list[str]:
    (group,) = grouped(rows, sort)
    return [ranked.row.model for ranked in group.rows]


@given(st.lists(INTERVALS, min_size=2, max_size=8))
def test_the_surely_better_stand_before_and_others_share_a_place(
    intervals: list[tuple[float, float]],
) -> None:
    ranked = [r.rank or (0, 0) for r in rank([of_interval(*i) for i in intervals], "pass@1")]
    for (low, high), (best, worst) in zip(intervals, ranked, strict=True):
        for (other_low, other_high), (other_best, other_worst) in zip(
            intervals, ranked, strict=True
        ):
            if low > other_high:
                assert best < other_best
                assert worst < other_worst
            elif other_low <= high:
                assert best <= other_worst


def test_a_row_that_is_surely_best_has_the_first_place_alone() -> None:
    ranked = rank([row(score=0.9), row(score=0.5), row(score=0.52)], "pass@1")
    assert [r.rank for r in ranked] == [(1, 1), (2, 3), (2, 3)]


def test_a_row_without_the_score_has_no_rank() -> None:
    ranked = rank([row(), row(scores={"bleu": Mark(0.3)})], "pass@1")
    assert ranked[1].rank is None


def test_a_score_without_an_interval_is_ranked_as_a_point() -> None:
    ranked = rank([row(scores={"bleu": Mark(x)}) for x in (0.3, 0.4)], "bleu")
    assert [r.rank for r in ranked] == [(2, 2), (1, 1)]


@pytest.mark.parametrize("other", [{"protocol": "else"}, {"benchmark": "else"}, {"data": "e" * 64}])
def test_rows_of_unlike_benchmark_protocol_or_data_are_in_groups_of_their_own(
    other: dict[str, str],
) -> None:
    groups = grouped([row("a", 0.1), row("b", 0.9, **other)])
    assert [[r.rank for r in group.rows] for group in groups] == [[(1, 1)], [(1, 1)]]


def test_groups_that_only_differ_in_their_data_say_so() -> None:
    groups = grouped([row(data="a" * 64), row(data="b" * 64)])
    assert [g.protocol for g in groups] == ["plain, data aaaaaaaa", "plain, data bbbbbbbb"]


def test_rows_stand_by_rank_and_the_tied_by_score() -> None:
    rows = [row("low", 0.1), row("nearly", 0.84), row("best", 0.85)]
    assert order(rows, "rank") == ["best", "nearly", "low"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("speed", ["fast", "slow", "none"]),
        ("-speed", ["slow", "fast", "none"]),
        ("size", ["slow", "fast", "none"]),
        ("model", ["fast", "none", "slow"]),
        ("pass@1", ["none", "slow", "fast"]),
        ("-pass@1", ["fast", "slow", "none"]),
    ],
)
def test_a_column_sorts_by_its_value_and_what_lacks_it_comes_last(
    sort: str, expected: list[str]
) -> None:
    rows = [
        row("none", 0.9),
        row("slow", 0.5, speed=5.0, facts=Facts(parameters=10)),
        row("fast", 0.1, speed=50.0, facts=Facts(parameters=20)),
    ]
    assert order(rows, sort) == expected


def test_a_group_is_ranked_by_the_score_that_is_sorted_by() -> None:
    marks = {"pass@1": Mark(0.1), "pass@10": Mark(0.9)}
    (group,) = grouped([row("a", scores=marks), row("b")], "pass@10")
    assert (group.metric, group.rows[0].rank) == ("pass@10", (1, 1))


def test_the_order_of_rows_does_not_depend_on_the_order_that_they_came_in() -> None:
    rows = [row(name, 0.5) for name in "cab"]
    assert order(rows, "rank") == order(rows[::-1], "rank") == ["a", "b", "c"]


def test_scores_stand_pass_at_1_first_and_the_base_tests_after() -> None:
    names = ("pass@100", "base_pass@1", "bleu", "pass@1", "pass@10")
    found = metrics_of([row(scores={name: Mark(0.5) for name in names})])
    assert found == ("pass@1", "bleu", "pass@10", "pass@100", "base_pass@1")


def test_a_model_of_unknown_size_is_in_no_choice_of_sizes() -> None:
    rows = [row("small", facts=Facts(parameters=3 * 10**9)), row("unknown")]
    assert models(rows, max_size=3 * 10**9) == ["small"]


@pytest.mark.parametrize(
    ("wanted", "found"), [("q4_k_m", ["a"]), ("4-bit", ["a", "b"]), ("fp16", ["c"]), ("8bit", [])]
)
def test_a_precision_is_chosen_by_name_or_by_its_bits(wanted: str, found: list[str]) -> None:
    rows = [
        row(name, facts=Facts(precision=p))
        for name, p in zip("abcd", ("Q4_K_M", "Q4_1", "F16", "unknown"), strict=True)
    ]
    assert models(rows, precisions=(wanted,)) == found


def test_types_and_benchmarks_are_chosen_by_name() -> None:
    rows = [row("a", facts=Facts("rl")), row("b"), row("c", benchmark="else", facts=Facts("rl"))]
    assert models(rows, types=("rl",), benchmarks=("toy",)) == ["a"]


@pytest.mark.parametrize(
    ("choice", "nearest"),
    [
        (Choice(columns=("modell",)), "model"),
        (Choice(sort="-spede"), "speed"),
        (Choice(benchmarks=("humanevl",)), "humaneval"),
        (Choice(types=("instrct",)), "instruct"),
    ],
)
def test_what_there_is_not_is_refused_with_the_nearest_names(choice: Choice, nearest: str) -> None:
    with pytest.raises(UnknownName) as caught:
        check(choice, [row()], ["humaneval"])
    assert nearest in caught.value.hint


def test_a_benchmark_without_a_row_is_no_mistake() -> None:
    check(Choice(benchmarks=("humaneval",)), [row()], ["humaneval"])


@pytest.mark.parametrize(("text", "size"), [("3B", 3 * 10**9), ("350m", 350 * 10**6)])
def test_a_size_is_read_as_it_is_spoken(text: str, size: int) -> None:
    assert parse_max_size(text) == size


def test_what_is_no_size_is_refused() -> None:
    with pytest.raises(UsageError):
        parse_max_size("small")
