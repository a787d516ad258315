"""Nothing of one part is known from another."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.errors import InputError, UnknownName, UsageError
from codelathe.training.data.rows import About, Row, Text
from codelathe.training.data.splitting import Shares, Split, parse_by, split


def row(number: int, text: str = "", **about: str) -> Row:
    return Row(Text(text or f"text {number}"), "text", "f", number, About(**about))


def parts(found: Split) -> tuple[tuple[Row, ...], ...]:
    return found.train, found.validation, found.test


HALVES = Shares(0.25, 0.25)


@given(st.lists(st.integers(0, 20), min_size=60, max_size=120), st.integers(0, 5))
def test_rows_of_one_group_are_never_parted(groups: list[int], seed: int) -> None:
    data = [row(i, group=str(g)) for i, g in enumerate([*range(5), *groups])]
    found = split(data, HALVES, seed=seed, together=None)
    names = [{r.about.group for r in part} for part in parts(found)]
    assert sum(map(len, names)) == len(set.union(*names))
    assert sorted(r.line for part in parts(found) for r in part) == list(range(len(data)))


def test_rows_that_are_nearly_the_same_are_never_parted() -> None:
    draw = random.Random(1)
    data = []
    for kind in range(20):
        words = [f"k{kind}w{n}" for n in range(60)]
        for copy in range(5):
            words[draw.randrange(60)] = f"copy{copy}"
            data.append(row(len(data), " ".join(words), id=str(kind)))
    found = split(data, HALVES, by="row")
    assert all(
        sum(any(r.about.id == str(k) for r in p) for p in parts(found)) == 1 for k in range(20)
    )


def test_rows_that_share_a_system_prompt_can_be_parted() -> None:
    draw = random.Random(1)
    words = [f"w{n}" for n in range(2000)]
    prompt = " ".join(draw.choices(words, k=150))
    data = [row(n, f"{prompt} {' '.join(draw.choices(words, k=20))}") for n in range(40)]
    assert [len(part) for part in parts(split(data, HALVES))] == [20, 10, 10]


def test_the_same_seed_gives_the_same_parts_in_whatever_order_rows_come() -> None:
    data = [row(i) for i in range(100)]
    one = split(data, seed=3)
    other = split(data[::-1], seed=3)
    assert [set(part) for part in parts(one)] == [set(part) for part in parts(other)]


def test_another_seed_gives_other_parts() -> None:
    data = [row(i) for i in range(100)]
    assert split(data, seed=1).test != split(data, seed=2).test


def test_the_parts_have_the_shares_asked_for() -> None:
    found = split([row(i) for i in range(1000)], Shares(0.1, 0.2))
    assert [len(part) for part in parts(found)] == [700, 100, 200]


def test_files_stay_together_where_that_is_asked_for() -> None:
    data = [row(i, file=f"f{i % 10}") for i in range(100)]
    found = split(data, HALVES, by="file", together=None)
    assert all(len({r.about.file for r in part}) * 10 == len(part) for part in parts(found))


def test_by_time_the_test_is_the_newest_and_training_the_oldest() -> None:
    data = [row(i, time=f"2026-01-{31 - i:02}") for i in range(30)]
    found = split(data, HALVES, by="time", together=None)
    newest = [max(r.about.time for r in part) for part in parts(found)]
    oldest = [min(r.about.time for r in part) for part in parts(found)]
    assert newest[0] < oldest[1] <= newest[1] < oldest[2]


@pytest.fixture
def seoul(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine nine hours east of UTC."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "KST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("seoul")
def test_times_are_compared_as_moments_and_are_utc_where_they_do_not_say() -> None:
    data = [row(0, time="2026-01-01T00:30:00+09:00"), row(1, time="2025-12-31T16:00:00")]
    assert [r.line for r in split(data, Shares(0, 0.5), by="time").test] == [1]


def test_a_row_without_time_cannot_be_split_by_it() -> None:
    with pytest.raises(InputError, match="f, line 1 has no time"):
        split([row(0, time="2026"), row(1)], by="time")


def test_groups_too_large_for_a_part_are_lent_to_it() -> None:
    data = [row(i, group=str(i % 10)) for i in range(100)]
    found = split(data, together=None)
    assert [len(part) for part in parts(found)] == [80, 10, 10]


def test_which_groups_are_lent_is_drawn() -> None:
    data = [row(i, group=str(i % 10)) for i in range(100)]
    assert len({split(data, seed=seed, together=None).test for seed in range(8)}) > 1


def test_a_part_that_nothing_is_left_for_is_refused() -> None:
    with pytest.raises(InputError, match="1 set that must stay together"):
        split([row(i, group="g") for i in range(10)])


def test_a_part_that_nobody_wants_is_empty() -> None:
    found = split([row(i) for i in range(10)], Shares(0, 0.2))
    assert [len(part) for part in parts(found)] == [8, 0, 2]


@pytest.mark.parametrize("shares", [(0.5, 0.5), (-0.1, 0.1)])
def test_shares_that_leave_nothing_to_train_on_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(UsageError):
        Shares(*shares)


def test_ways_to_split_are_named() -> None:
    assert parse_by("time") == "time"
    with pytest.raises(UnknownName):
        parse_by("author")
