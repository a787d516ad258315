"""A GGUF file's tokenizer tells where each token stands in the text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from codelathe.core.gguf import read_gguf_header
from codelathe.engines.gguf_tokenizer import GgufTokenizer, _places
from codelathe.engines.llamacpp import LlamaCppEngine


@pytest.fixture(scope="module")
def tokenizer(smollm2_path: Path) -> Iterator[GgufTokenizer]:
    opened = GgufTokenizer(read_gguf_header(smollm2_path))
    yield opened
    opened.close()


def test_a_token_that_is_part_of_a_character_has_its_place() -> None:
    pieces = [b"a", "값".encode()[:2], "값".encode()[2:], b"b"]
    assert _places("a값b", pieces) == [(0, 1), (1, 2), (1, 2), (2, 3)]


def test_a_space_that_the_vocabulary_adds_in_front_has_no_place() -> None:
    assert _places("ab c", [b" ab", b" c"]) == [(0, 2), (2, 4)]
    assert _places("ab", [b" ", b"ab"]) == [(0, 0), (0, 2)]
    assert _places("a<e>b", [b" a", b"<e>", b" b"]) == [(0, 1), (1, 4), (4, 5)]


def test_an_empty_text_has_no_tokens() -> None:
    assert _places("", []) == []


@pytest.mark.model
def test_tokens_are_those_that_the_engine_reads(
    tokenizer: GgufTokenizer, smollm2_path: Path
) -> None:
    text = "<|im_start|>user\ndef f():\n    return '값'<|im_end|>\n"
    engine = LlamaCppEngine(smollm2_path)
    try:
        assert tokenizer.encode(text)[0] == engine.tokens(text)
    finally:
        engine.close()


@pytest.mark.model
def test_places_cover_the_text_in_order(tokenizer: GgufTokenizer) -> None:
    text = "<|im_start|>def f():\n        return '값 🙂'"
    ids, places = tokenizer.encode(text)
    assert (places[0][0], places[-1][1]) == (0, len(text))
    assert all(one[1] == two[0] or one == two for one, two in pairwise(places))
    assert tokenizer.decode(ids) == text


@pytest.mark.model
def test_special_tokens_are_known_and_read_as_text_where_asked(tokenizer: GgufTokenizer) -> None:
    token = tokenizer.special("<|im_end|>")
    assert token is not None
    assert tokenizer.encode("a<|im_end|>")[0][-1] == token
    assert token not in tokenizer.encode("a<|im_end|>", special=False)[0]
    assert tokenizer.special("return") is None
