from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.errors import LatheError, ModelRefError, UnknownName
from codelathe.core.modelref import ModelRef, parse_model_ref, path_ref


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("qwen2.5-coder-1.5b", ModelRef("alias", "qwen2.5-coder-1.5b")),
        ("CodeGen-2B-mono", ModelRef("alias", "codegen-2b-mono")),
        ("./model.gguf", ModelRef("path", "./model.gguf")),
        ("model.GGUF", ModelRef("path", "model.GGUF")),
        ("~/models/tuned", ModelRef("path", "~/models/tuned")),
        ("gguf:/a b/c.gguf", ModelRef("gguf", "/a b/c.gguf")),
        ("hf:Qwen/Qwen2.5@main", ModelRef("hf", "Qwen/Qwen2.5", "main")),
        ("hf:o/r@refs/pr/1:q4_k_m", ModelRef("hf", "o/r", "refs/pr/1", "q4_k_m")),
        ("hf:o/r:sub/x-q8_0.gguf", ModelRef("hf", "o/r", "", "sub/x-q8_0.gguf")),
        ("adapter:runs/mine", ModelRef("adapter", "runs/mine")),
        ("openai:gpt-5-mini", ModelRef("openai", "gpt-5-mini")),
        ("huggingface:Qwen/Q:together", ModelRef("huggingface", "Qwen/Q:together")),
    ],
)
def test_a_reference_parses_by_its_grammar_and_prints_the_same(
    text: str, expected: ModelRef
) -> None:
    assert parse_model_ref(text) == expected
    assert parse_model_ref(str(expected)) == expected


def test_an_unknown_scheme_names_the_nearest_one() -> None:
    with pytest.raises(UnknownName) as caught:
        parse_model_ref("huggingfaces:x/y")
    assert "huggingface" in caught.value.nearest


@pytest.mark.parametrize(
    "text", ["", "  ", "hf:", "hf:justname", "two words", "hf:a/b@", "openai:"]
)
def test_a_malformed_reference_is_refused(text: str) -> None:
    with pytest.raises(ModelRefError):
        parse_model_ref(text)


@given(st.text(max_size=40))
def test_any_text_parses_or_raises_an_error_of_ours(text: str) -> None:
    try:
        ref = parse_model_ref(text)
    except LatheError:
        return
    assert parse_model_ref(str(ref)) == ref


@pytest.mark.parametrize(
    "path", ["out", "my model", "hf:a/b", "runs/out", "/a/out", "~/out", "x.gguf"]
)
def test_the_reference_of_a_path_is_read_as_that_path(path: str) -> None:
    ref = parse_model_ref(path_ref(path))
    assert ref.scheme == "path"
    assert Path(ref.name) == Path(path)
