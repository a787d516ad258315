"""What the board knows of a model, and from where."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from codelathe.evaluation.board.facts import Knowledge, facts_of_name
from codelathe.evaluation.board.published import published_rows
from codelathe.evaluation.board.row import Facts
from codelathe.store import Store

DEFAULT = "qwen2.5-coder-1.5b"


@pytest.fixture
def knowledge(tmp_path: Path) -> Knowledge:
    return Knowledge(Store(home=tmp_path, sources=()))


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("Qwen2.5-Coder-1.5B-Instruct-Q4_K_M", Facts("instruct", "Q4_K_M", 1_500_000_000)),
        ("bigcode/starcoder2-3b", Facts(parameters=3_000_000_000)),
        ("acme/tuned-7b-grpo-bf16", Facts("rl", "BF16", 7_000_000_000)),
        ("mixtral-8x7b-it-4bit", Facts("instruct", "4-bit", 56_000_000_000)),
        ("codegen-350M-mono", Facts("pretrained", parameters=350_000_000)),
        ("phi-3-mini-fp16", Facts(precision="F16")),
        ("gpt-5-mini", Facts()),
        ("house-Q4_K_M-q8_0.gguf", Facts(precision="Q8_0")),
        ("acme/tuned-7b-gptq-int4", Facts(precision="GPTQ", parameters=7_000_000_000)),
    ],
)
def test_a_name_says_what_it_says_and_no_more(name: str, facts: Facts) -> None:
    assert facts_of_name(name) == facts


def test_the_catalogue_knows_its_models(knowledge: Knowledge) -> None:
    found = knowledge.facts(DEFAULT)
    assert found == Facts("instruct", "Q4_K_M", 1_500_000_000, 1_117_320_768)


def test_weights_of_another_hash_are_not_those_of_the_catalogue(knowledge: Knowledge) -> None:
    assert knowledge.facts(DEFAULT, "0" * 64).precision == "unknown"


@pytest.mark.parametrize("name", ["gguf:gone.gguf", "???", "hf:no/such", "adapter:gone", ""])
def test_a_model_that_cannot_be_found_is_known_by_its_name_alone(
    knowledge: Knowledge, name: str
) -> None:
    assert knowledge.facts(name) == Facts()


def test_a_checkpoint_says_its_precision(knowledge: Knowledge, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama", "torch_dtype": "bfloat16"}')
    (folder / "model.safetensors").write_bytes(b"x" * 10)
    assert knowledge.facts(str(folder)).precision == "BF16"


@pytest.mark.parametrize("record", ['{"gguf": {}, "check": {}}', "{", '{"kind": "checkpoint"}'])
def test_a_record_beside_a_gguf_file_takes_nothing_from_what_its_header_says(
    knowledge: Knowledge, tmp_path: Path, record: str
) -> None:
    head = b"GGUF" + struct.pack("<IQQQ", 3, 1, 0, 1) + b"a" + struct.pack("<IQIQ", 1, 32, 8, 0)
    path = tmp_path / "mine.gguf"
    path.write_bytes(head + bytes(-len(head) % 32) + bytes(34))
    (tmp_path / "mine.gguf.lathe.json").write_text(record)
    assert knowledge.facts(str(path)) == Facts("unknown", "Q8_0", 32, path.stat().st_size)


def test_every_published_row_says_its_source_and_is_marked() -> None:
    assert all(row.origin == "published" and row.source for row in published_rows())


def test_a_published_score_has_the_widest_interval_of_its_problems() -> None:
    row = next(r for r in published_rows() if r.model == "Qwen2.5-Coder-1.5B-Instruct")
    low, high = row.scores["pass@1"].interval or (0, 0)
    assert low < 0.65 < 0.707 < 0.75 < high
