"""Cutting a base model's answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.text.truncation import CODEGEN

PIECES = ("def f():\n", "    return 1\n", "print(f())\n", "# note\n", "\n", "'''", "if x:\n", "x")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("    return 1\n", "    return 1\n"),
        ("a = 1\nprint(a)\nprint(2)\n", "a = 1\nprint(a)\n"),
        ("def f():\n    pass\ndef g():\n    pass\n", "def f():\n    pass\n"),
        ("a = 1\n# next\n", "a = 1\n"),
        ("    # inside\n    b = 2\n", "    # inside\n    b = 2\n"),
        ("a = 1\n'''text'''\n", "a = 1\n"),
        ("a = 1\n\n\nb = 2\n", "a = 1"),
        ("a = 1<|endoftext|>b", "a = 1"),
        ("print(1)\n# a\nprint(2)\n", "print(1)\n"),
    ],
)
def test_codegens_rule_cuts_before_what_is_no_longer_asked_for(text: str, kept: str) -> None:
    assert CODEGEN.cut(text) == kept


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=12))
def test_what_follows_an_ended_text_changes_nothing(pieces: list[str]) -> None:
    text = "".join(pieces)
    ended = next((n for n in range(len(text) + 1) if CODEGEN.ended(text[:n])), None)
    assert CODEGEN.cut(text if ended is None else text[:ended]) == CODEGEN.cut(text)


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=12))
def test_a_cut_text_is_not_cut_again(pieces: list[str]) -> None:
    kept = CODEGEN.cut("".join(pieces))
    assert CODEGEN.cut(kept) == kept
