"""Rows as pairs: what is read, what is written, what does not fit, which batch is when."""

from __future__ import annotations

import pytest

pytest.importorskip("tokenizers")

from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.errors import InputError, UsageError
from codelathe.text.chat import compile_chat_template
from codelathe.training.data.rows import Hole, Pair, Row, Text
from codelathe.training.scratch.batches import epoch_batches, steps_of
from codelathe.training.scratch.pairs import (
    PairRendering,
    Pairs,
    TokenPair,
    pair_rows,
    render_pairs,
    require_pairs,
)
from codelathe.training.scratch.tokenizing import (
    SOURCE_TEMPLATE,
    Specials,
    train_tokenizer,
)

SPECIALS = Specials.encoder_decoder()
OWN = train_tokenizer(["def add(a, b): return a + b"] * 4, 300, SPECIALS)
END = SPECIALS.ids["eos"]


def row(prompt: str, completion: str, line: int = 1) -> Row:
    return Row(Pair(prompt, completion), "prompt", "rows.jsonl", line)


def rendered(rows: list[Row], max_length: int = 64, long: str = "drop") -> Pairs:
    template = compile_chat_template(SOURCE_TEMPLATE)
    return render_pairs(rows, PairRendering(OWN, template, max_length, long))  # type: ignore[arg-type]


def test_source_and_target_come_back_and_end_with_the_end_token() -> None:
    (pair,) = rendered([row("def f(): pass", "Does nothing.")]).pairs
    assert (OWN.decode(pair.source[:-1]), OWN.decode(pair.target[:-1])) == (
        "def f(): pass",
        "Does nothing.",
    )
    assert pair.source[-1] == pair.target[-1] == END


def test_pairs_that_are_too_long_are_dropped_and_counted() -> None:
    found = rendered([row("a", "b"), row("xyz " * 50, "b"), row("a", "xyz " * 50)], 20)
    assert (len(found.pairs), found.long, found.dropped) == (1, 2, 2)


def test_a_cut_source_still_ends_and_a_cut_target_does_not() -> None:
    (pair,) = rendered([row("xyz " * 50, "uvw " * 50)], 20, "cut").pairs
    assert (len(pair.source), len(pair.target)) == (20, 20)
    assert pair.source[-1] == END
    assert END not in pair.target


def test_lost_target_tokens_are_counted() -> None:
    whole = len(rendered([row("a", "uvw " * 50)], 500).pairs[0].target)
    assert rendered([row("a", "uvw " * 50)], 20, "cut").lost == whole - 20


def test_pairs_cannot_be_split() -> None:
    with pytest.raises(UsageError, match="cannot be split"):
        rendered([row("a", "b")], 20, "split")


def test_rows_that_are_no_pairs_are_counted() -> None:
    others = [
        Row(Text("x"), "text", "f", 2),
        Row(Hole("a", "b", "c"), "fill-in-the-middle", "f", 3),
    ]
    assert pair_rows([row("a", "b"), *others]) == ((row("a", "b"),), 2)


def test_no_pair_at_all_is_refused_with_the_forms_that_there_are() -> None:
    with pytest.raises(InputError, match="no row is a pair") as error:
        pair_rows([Row(Text("x"), "text", "f", 1)])
    assert "text" in error.value.message
    assert "prompt and completion" in error.value.hint


def test_a_part_of_which_nothing_fits_is_refused() -> None:
    with pytest.raises(InputError, match="all 3 pairs of the training part"):
        require_pairs(Pairs((), long=3, dropped=3), 20, "training")


@given(st.integers(1, 60), st.integers(1, 9), st.integers(0, 3), st.integers(0, 3))
def test_an_epoch_has_each_pair_once(count: int, rows: int, seed: int, epoch: int) -> None:
    pairs = [TokenPair(tuple(range(n % 7)), (END,)) for n in range(count)]
    batches = epoch_batches(pairs, rows, seed, epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(count))
    assert len(batches) == -(-count // rows)


def test_the_order_hangs_on_seed_and_epoch_alone() -> None:
    pairs = [TokenPair(tuple(range(n % 7)), (END,)) for n in range(50)]
    first = epoch_batches(pairs, 4, 0, 0)
    assert epoch_batches(pairs, 4, 0, 0) == first
    assert epoch_batches(pairs, 4, 0, 1) != first
    assert epoch_batches(pairs, 4, 1, 0) != first


@pytest.mark.parametrize(
    ("count", "rows", "epochs", "steps"), [(10, 4, 1.0, 3), (10, 4, 0.1, 1), (8, 4, 2.5, 5)]
)
def test_epochs_become_steps(count: int, rows: int, epochs: float, steps: int) -> None:
    assert steps_of(count, rows, epochs) == steps
