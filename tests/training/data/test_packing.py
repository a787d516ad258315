"""Packing and fitting lose nothing that they do not tell of."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.errors import InputError, UnknownName, UsageError
from codelathe.training.data.fitting import fit, parse_policy
from codelathe.training.data.packing import plan_rows
from codelathe.training.data.tokens import Tokens
from codelathe.training.tuning.batches import IGNORED, Line, lay_out

LENGTH = 12


@st.composite
def documents(draw: st.DrawFn, longest: int = LENGTH) -> list[Tokens]:
    sizes = draw(st.lists(st.integers(1, longest), max_size=40))
    marks = draw(st.randoms(use_true_random=False))
    found, number = [], 0
    for size in sizes:
        ids = tuple(range(number, number + size))
        found.append(Tokens(ids, tuple(marks.random() < 0.6 for _ in ids)))
        number += size
    return found


def packed(documents: list[Tokens]) -> list[Line]:
    return lay_out(documents, LENGTH, packing=True)


@given(documents())
def test_every_token_stands_in_one_row_and_in_one_place(given_: list[Tokens]) -> None:
    found = sorted(i for row in packed(given_) for i in row.ids)
    assert found == [i for document in given_ for i in document.ids]


@given(documents())
def test_no_row_is_longer_than_asked_and_none_is_empty(given_: list[Tokens]) -> None:
    assert all(0 < len(row.ids) <= LENGTH for row in packed(given_))


@given(documents())
def test_a_document_stays_whole(given_: list[Tokens]) -> None:
    found = []
    for row in packed(given_):
        ids = iter(row.ids)
        found += [tuple(islice(ids, length)) for length in row.lengths]
        assert not list(ids)
    assert sorted(found) == sorted(document.ids for document in given_)


@given(documents())
def test_the_loss_counts_what_it_counted_but_for_first_tokens(given_: list[Tokens]) -> None:
    rows = packed(given_)
    assert sum(row.supervised for row in rows) == sum(d.supervised for d in given_)
    firsts = {document.ids[0] for document in given_}
    counted = {label for row in rows for label in row.labels if label != IGNORED}
    assert not firsts & counted


@given(documents())
def test_rows_are_at_most_twice_the_fewest_possible_and_one(given_: list[Tokens]) -> None:
    fewest = -(-sum(map(len, given_)) // LENGTH)
    # Best fit decreasing needs at most 11/9 of the optimum and 6/9 of a row; any two rows are
    # more than one row full, which bounds the optimum by twice the fewest.
    assert len(packed(given_)) <= 2 * fewest + 1


def test_documents_fill_the_row_that_has_just_room() -> None:
    assert plan_rows([6, 5, 3], 9) == [(0, 2), (1,)]


def test_a_document_longer_than_a_row_is_refused() -> None:
    with pytest.raises(InputError, match="13 tokens does not fit a row of 12"):
        plan_rows([13], LENGTH)


def test_nothing_packs_to_nothing() -> None:
    assert packed([]) == []


LONG = Tokens(tuple(range(10)), (False,) * 3 + (True,) * 7)
SHORT = Tokens((1, 2), (False, True))


def test_long_rows_are_dropped_by_the_policy_drop() -> None:
    fitted = fit([LONG, SHORT], 4, "drop")
    assert (fitted.documents, fitted.long, fitted.dropped, fitted.lost) == ((SHORT,), 1, 1, 7)


def test_long_rows_are_cut_at_the_end_by_the_policy_cut() -> None:
    fitted = fit([LONG], 4, "cut")
    assert fitted.documents == (Tokens((0, 1, 2, 3), (False, False, False, True)),)
    assert (fitted.long, fitted.dropped, fitted.lost) == (1, 0, 6)


def test_long_rows_become_several_by_the_policy_split() -> None:
    fitted = fit([LONG], 4, "split")
    assert [document.ids for document in fitted.documents] == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9)]
    assert [document.trained[0] for document in fitted.documents] == [False] * 3
    assert fitted.lost == 2


def test_a_row_with_nothing_left_to_learn_is_counted_as_dropped() -> None:
    assert fit([LONG], 3, "cut").dropped == 1


@given(documents(longest=40), st.integers(2, 20))
def test_splitting_keeps_every_token_in_order(given_: list[Tokens], length: int) -> None:
    learned = [Tokens(d.ids, (False,) + (True,) * (len(d) - 1)) for d in given_]
    fitted = fit(learned, length, "split")
    kept = {i for document in fitted.documents for i in document.ids}
    alone = {i for d in learned for i in d.ids} - kept
    assert all(len(document) <= length for document in fitted.documents)
    assert len(alone) <= len(learned)  # a last piece of one token has nothing to predict


def test_policies_are_named() -> None:
    assert parse_policy("cut") == "cut"
    with pytest.raises(UnknownName, match="truncate"):
        parse_policy("truncate")


def test_a_length_that_leaves_nothing_to_predict_is_refused() -> None:
    with pytest.raises(UsageError):
        fit([SHORT], 1, "cut")


def test_ids_and_marks_that_do_not_pair_up_are_no_document() -> None:
    with pytest.raises(ValueError, match="do not pair up"):
        Tokens((1, 2), (True,))
