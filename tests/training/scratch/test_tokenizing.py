"""Tokenizers that are learned: any text comes back, special tokens are whole, data may be tiny."""

from __future__ import annotations

import pytest

pytest.importorskip("tokenizers")

from hypothesis import given, settings
from hypothesis import strategies as st

from codelathe.core.errors import InputError, UsageError
from codelathe.core.generation import Message
from codelathe.text.chat import compile_chat_template
from codelathe.training.data.holes import hole_tokens
from codelathe.training.data.tokenizer import FastTokenizer
from codelathe.training.scratch.tokenizing import (
    END,
    SOURCE_TEMPLATE,
    Specials,
    train_tokenizer,
)

TEXTS = [f"def f{n}(value):\n    return value + {n}\n" for n in range(40)] + ["두 수를 더한다"]
DECODER = Specials.decoder()
OWN = train_tokenizer(TEXTS, 320, DECODER)


@given(st.text())
@settings(max_examples=60, deadline=None)
def test_any_text_comes_back(text: str) -> None:
    ids = OWN.encode(text, add_special_tokens=False).ids
    assert OWN.decode(ids, skip_special_tokens=False) == text


def test_the_same_texts_give_the_same_tokenizer() -> None:
    assert train_tokenizer(TEXTS, 320, DECODER).to_str() == OWN.to_str()


def test_special_tokens_are_one_token_each_and_first() -> None:
    assert [OWN.token_to_id(text) for text in DECODER.tokens] == list(range(len(DECODER.tokens)))
    assert len(OWN.encode(END).ids) == 1


def test_what_is_frequent_becomes_a_token() -> None:
    assert len(OWN.encode("return value").ids) < len("return value") / 3


def test_a_vocabulary_larger_than_the_data_gives_stays_smaller() -> None:
    own = train_tokenizer(["abab"], 5000, DECODER)
    assert DECODER.smallest <= own.get_vocab_size() < 300


def test_a_vocabulary_below_all_bytes_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot hold the 256 bytes"):
        train_tokenizer(TEXTS, 260, DECODER)


def test_no_text_is_refused() -> None:
    with pytest.raises(InputError, match="no text"):
        train_tokenizer(["", ""], 320, DECODER)


def test_its_tokens_for_holes_are_those_that_rows_are_rendered_with() -> None:
    found = hole_tokens(FastTokenizer(OWN, "", END), "new")
    assert (found.prefix, found.suffix, found.middle, found.end) == (2, 3, 4, 1)


def test_a_source_ends_with_the_end_token() -> None:
    specials = Specials.encoder_decoder()
    own = train_tokenizer(TEXTS, 320, specials)
    assert own.encode("").ids == [specials.ids["eos"]]


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("def f(): pass", "def f(): pass"),
        ("Explain:\n\n```python\ndef f():\n    pass\n```\n\nBriefly.", "def f():\n    pass"),
        ("````text\na\nb\n````", "a\nb"),
        ("no ``` closing", "no ``` closing"),
    ],
)
def test_an_encoder_reads_the_code_in_a_fence(said: str, read: str) -> None:
    template = compile_chat_template(SOURCE_TEMPLATE)
    assert template((Message("user", said),)) == read
