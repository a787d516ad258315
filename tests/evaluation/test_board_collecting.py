"""Rows from the result files of runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codelathe.benchmarks.protocols import PROTOCOLS, protocol_document
from codelathe.core.errors import UsageError
from codelathe.evaluation.board.collecting import collect, describe
from codelathe.evaluation.board.facts import Knowledge
from codelathe.evaluation.board.row import BoardRow, parse_row, row_document
from codelathe.evaluation.signature import signature_document
from codelathe.store import Store
from fakes.board_runs import asking, signature, write_run

ONE = {"Toy/0": ["passed"], "Toy/1": ["failed"]}


@pytest.fixture
def knowledge(tmp_path: Path) -> Knowledge:
    return Knowledge(Store(home=tmp_path / "home", sources=()))


def rows(knowledge: Knowledge, *folders: Path) -> tuple[BoardRow, ...]:
    return collect(folders, knowledge).rows


def described(**other: Any) -> str:
    return describe(signature_document(signature(**other)))


def test_a_run_is_a_row_with_its_scores_and_what_is_known(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    write_run(tmp_path / "runs/a", ONE)
    (row,) = rows(knowledge, tmp_path / "runs")
    assert (row.model, row.benchmark, row.speed) == ("toy-1.5b-instruct-q4_k_m", "humaneval", 104)
    assert row.scores["pass@1"].value == 0.5
    assert (row.facts.type, row.facts.precision) == ("instruct", "Q4_K_M")
    assert row.run == str(tmp_path / "runs/a")


def test_a_folder_that_is_given_twice_counts_once(knowledge: Knowledge, tmp_path: Path) -> None:
    write_run(tmp_path / "runs/a", ONE)
    assert len(rows(knowledge, tmp_path, tmp_path / "runs")) == 1


def test_judged_samples_are_a_row_named_after_their_file(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    write_run(tmp_path / "a", ONE, None)
    text = (tmp_path / "a/result.json").read_text().replace('"model"', '"of"')
    (tmp_path / "mine_verdicts.result.json").write_text(text.replace('"protocol"', '"by"'))
    (tmp_path / "a/result.json").unlink()
    (row,) = rows(knowledge, tmp_path)
    assert (row.model, row.protocol, row.run) == ("mine", "samples from elsewhere", "")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"unattempted": 162}, ", only 2 of 164 problems"),
        ({"samples": 40}, ", 20 samples"),
        ({"counts": {"passed": 1, "unjudged": 3}}, ", 3 answers not judged"),
    ],
)
def test_judged_samples_are_not_ranked_with_those_of_more_or_fewer_problems(
    changed: dict[str, Any], told: str, knowledge: Knowledge, tmp_path: Path
) -> None:
    write_run(tmp_path / "a", ONE)
    result = json.loads((tmp_path / "a/result.json").read_text()) | changed
    del result["signature"]["model"], result["signature"]["protocol"]
    (tmp_path / "mine_verdicts.result.json").write_text(json.dumps(result))
    (tmp_path / "a/result.json").unlink()
    (row,) = rows(knowledge, tmp_path)
    assert row.protocol == f"samples from elsewhere{told}"


def test_a_run_with_answers_that_could_not_be_judged_is_not_ranked_with_others(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    write_run(tmp_path / "runs/a", {"Toy/0": ["passed"], "Toy/1": ["unjudged"]})
    (row,) = rows(knowledge, tmp_path / "runs")
    assert row.protocol == "fast-chat 1, greedy, 1 answer not judged"


def test_files_of_others_are_left_out_and_told(knowledge: Knowledge, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"loss": 0.1}')
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut/result.json").write_text('{"signature": {"ben')
    found = collect([tmp_path], knowledge)
    assert not found.rows
    assert {path.parent.name for path, _ in found.refused} == {tmp_path.name, "cut"}


def test_a_folder_that_is_not_there_is_refused(knowledge: Knowledge, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        collect([tmp_path / "gone"], knowledge)


def test_what_is_usual_is_not_said() -> None:
    assert described() == "fast-chat 1, greedy"


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"asked": asking(limit=20)}, "the first 20 problems"),
        ({"asked": asking(max_tokens=100)}, "100 tokens"),
        ({"asked": asking(n=20, temperature=0.8, top_p=0.95)}, "temperature 0.8, top-p 0.95, 20 s"),
        ({"asked": asking(temperature=None)}, "the model's temperature"),
        ({"mode": "compat"}, "judged in mode compat"),
        ({"timeout": 10.0}, "10 s"),
        ({"benchmark": "mbpp+", "tests": ("base",)}, "base tests only"),
    ],
)
def test_whatever_parts_two_rows_is_said(other: dict[str, Any], told: str) -> None:
    assert told in described(**other)


@pytest.mark.parametrize(("numbers", "shown"), [("int4", "INT4"), ("float32", "Q4_K_M")])
def test_a_model_that_was_made_smaller_when_it_was_loaded_is_shown_so(
    numbers: str, shown: str, knowledge: Knowledge, tmp_path: Path
) -> None:
    version = f"transformers 5.23.0, torch 2.13.0, {numbers} on cpu"
    write_run(tmp_path / "a", ONE, asking(engine="transformers", engine_version=version))
    (row,) = rows(knowledge, tmp_path)
    assert row.facts.precision == shown


@pytest.mark.parametrize(
    ("config", "lineage", "shown"),
    [
        ({"dtype": "bfloat16"}, None, "BF16"),
        ({"dtype": "float16", "quantization_config": {"load_in_8bit": True}}, None, "INT8"),
        ({"dtype": "float32"}, {"quantization": {"method": "openvino-int4-awq"}}, "INT4"),
    ],
)
def test_the_precision_of_a_folder_is_what_it_was_quantized_to(
    config: dict[str, Any], lineage: dict[str, Any] | None, shown: str,
    knowledge: Knowledge, tmp_path: Path,
) -> None:  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"")
    if lineage:
        (tmp_path / "lathe.json").write_text(json.dumps({"kind": "checkpoint", **lineage}))
    assert knowledge.facts(f"{tmp_path}/").precision == shown


def test_a_protocol_that_an_engine_could_not_follow_to_the_letter_says_so() -> None:
    followed = replace(PROTOCOLS["fast-chat"], stop=(), prefill=False)
    told = described(asked=asking(protocol=protocol_document(followed)))
    assert told == "fast-chat 1, no stop, no prefill, greedy"


def test_a_row_that_was_written_is_read_again(knowledge: Knowledge, tmp_path: Path) -> None:
    write_run(tmp_path / "a", ONE)
    (row,) = rows(knowledge, tmp_path)
    assert parse_row(row_document(row)) == row


@pytest.mark.parametrize(
    "changed",
    [
        {"generation": {"tokens_per_second": "fast"}},
        {"generation": {"tokens_per_second": float("nan")}},
        {"generation": {"tokens_per_second": -3}},
        {"generation": {"tokens_per_second": True}},
        {"scores": {"pass@1": float("inf"), "pass@10": "0.5"}},
        {"problems": -1, "samples": "many"},
    ],
    ids=str,
)
def test_a_number_that_is_none_is_left_out(
    changed: dict[str, Any], knowledge: Knowledge, tmp_path: Path
) -> None:
    change(write_run(tmp_path / "runs/a", ONE), changed)
    (row,) = rows(knowledge, tmp_path / "runs")
    json.dumps(row_document(row), allow_nan=False)
    assert row.speed == (None if "generation" in changed else 104.0)
    assert list(row.scores) == ([] if "scores" in changed else ["pass@1"])
    assert row == parse_row(row_document(row))


@pytest.mark.parametrize(
    "changed",
    [
        {"intervals": {"pass@1": [0.5]}},
        {"intervals": {"pass@1": [float("nan"), 1.0]}},
        {"intervals": {"pass@1": ["a", "b"]}},
        {"intervals": []},
        {"scores": {"pass@1": 10**400}},
        {"signature": "none"},
        {"generation": "none"},
    ],
    ids=lambda changed: str(changed)[:40],
)
def test_a_result_that_is_damaged_is_left_out_and_told(
    changed: dict[str, Any], knowledge: Knowledge, tmp_path: Path
) -> None:
    write_run(tmp_path / "runs/good", ONE)
    change(write_run(tmp_path / "runs/bad", ONE), changed)
    found = collect([tmp_path / "runs"], knowledge)
    assert len(found.rows) == 1
    assert [path.parent.name for path, _ in found.refused] == ["bad"]


def test_a_result_that_cannot_be_read_is_left_out_and_told(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    write_run(tmp_path / "runs/good", ONE)
    (tmp_path / "runs/result.json").symlink_to("x" * 300)
    found = collect([tmp_path / "runs"], knowledge)
    assert len(found.rows) == 1
    assert [(path.name, why) for path, why in found.refused] == [
        ("result.json", "cannot be read: File name too long")
    ]


def test_a_link_that_leads_to_itself_is_no_result(knowledge: Knowledge, tmp_path: Path) -> None:
    write_run(tmp_path / "runs/good", ONE)
    (tmp_path / "runs/result.json").symlink_to("result.json")
    assert len(rows(knowledge, tmp_path / "runs")) == 1


def test_a_result_that_is_nested_without_end_is_left_out(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    write_run(tmp_path / "runs/good", ONE)
    (tmp_path / "runs/result.json").write_text('{"signature":' * 100_000)
    assert len(rows(knowledge, tmp_path / "runs")) == 1


@pytest.mark.parametrize(
    "name",
    ["adapter:a\0b", "9" * 400 + "b", "9" * 5000 + "x7b", "x" * 5000 + "/y", "~nobody/x", ""],
    ids=["nul", "size", "experts", "long", "home", "empty"],
)
def test_a_name_that_no_model_can_have_is_a_name(name: str, knowledge: Knowledge) -> None:
    assert knowledge.facts(name).parameters is None


def test_an_adapter_that_names_itself_as_its_base_is_known_by_its_name(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    name = f"adapter:{tmp_path}"
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": name}))
    assert knowledge.facts(f"{name}/").parameters is None


def change(folder: Path, changed: dict[str, Any]) -> None:
    path = folder / "result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
