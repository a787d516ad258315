"""What a checkpoint's and an adapter's JSON files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.checkpoint import read_adapter_header, read_checkpoint_header
from codelathe.core.errors import ModelFileError


def write(folder: Path, **files: Any) -> Path:
    for name, document in files.items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("config", "context"),
    [
        ({"model_type": "qwen2", "max_position_embeddings": 32768}, 32768),
        ({"model_type": "gpt2", "n_positions": 1024, "n_ctx": 1024}, 1024),
        ({"model_type": "gemma3", "text_config": {"max_position_embeddings": 8192}}, 8192),
        ({"model_type": "t5", "n_positions": 512}, None),
        ({"model_type": "mamba"}, None),
    ],
)
def test_the_context_is_found_under_the_names_it_has(
    tmp_path: Path, config: dict[str, Any], context: int | None
) -> None:
    assert read_checkpoint_header(write(tmp_path, config=config)).context_length == context


def test_a_template_in_a_file_of_its_own_counts_first(tmp_path: Path) -> None:
    write(tmp_path, config={}, tokenizer_config={"chat_template": "old"})
    (tmp_path / "chat_template.jinja").write_text("new")
    assert read_checkpoint_header(tmp_path).chat_template == "new"


def test_of_several_templates_the_default_is_taken(tmp_path: Path) -> None:
    named = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
    write(tmp_path, config={}, tokenizer_config={"chat_template": named})
    assert read_checkpoint_header(tmp_path).chat_template == "d"


def test_a_base_model_has_no_template(tmp_path: Path) -> None:
    assert read_checkpoint_header(write(tmp_path, config={})).chat_template == ""


@pytest.mark.parametrize("token", ["<s>", {"content": "<s>", "lstrip": False}])
def test_a_special_token_is_text_or_an_object_with_it(tmp_path: Path, token: Any) -> None:
    write(tmp_path, config={}, tokenizer_config={"bos_token": token})
    assert read_checkpoint_header(tmp_path).special_token("bos") == "<s>"


def test_a_folder_without_a_configuration_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"no config\.json"):
        read_checkpoint_header(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"a": ' * 5000])
def test_a_configuration_that_is_no_object_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelFileError, match="is not"):
        read_checkpoint_header(tmp_path)


def test_an_adapter_names_its_base_and_revision(tmp_path: Path) -> None:
    config = {"base_model_name_or_path": "Qwen/Qwen2.5-0.5B", "revision": "abc"}
    header = read_adapter_header(write(tmp_path, adapter_config=config))
    assert (header.base, header.revision) == ("Qwen/Qwen2.5-0.5B", "abc")


def test_an_adapter_without_a_base_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, adapter_config={"base_model_name_or_path": None})
    with pytest.raises(ModelFileError, match="base model"):
        read_adapter_header(tmp_path)
