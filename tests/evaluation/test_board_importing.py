"""Result files of other harnesses, by their shape."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.errors import ProblemError, UsageError
from codelathe.evaluation.board.importing import imported_rows, keep, read_foreign
from codelathe.evaluation.board.row import BoardRow, widest

EVALPLUS = {
    "date": "2025-01-31 12:00",
    "hash": "fe585eb4",
    "eval": {
        f"HumanEval/{i}": [
            {"task_id": f"HumanEval/{i}", "solution": "x", "base_status": base, "plus_status": plus}
        ]
        for i, (base, plus) in enumerate([("pass", "pass"), ("pass", "fail"), ("fail", "pass")])
    },
}
HUMAN_EVAL = [
    {"task_id": f"HumanEval/{i}", "completion": "x", "result": "passed", "passed": i == 0}
    for i in range(4)
]
BIGCODE = {
    "humaneval": {"pass@1": 0.25, "pass@10": 0.5},
    "humanevalfixtests-go": {"pass@1": 0.125},
    "config": {
        "model": "bigcode/starcoder2-3b", "temperature": 0.2, "n_samples": 20, "top_p": 0.95,
        "do_sample": True, "precision": "bf16", "limit": None,
    },
}  # fmt: skip
LM_EVAL = {
    "results": {
        "humaneval": {
            "alias": "humaneval", "pass@1,create_test": 0.5, "pass@1_stderr,create_test": 0.03
        }
    },
    "versions": {"humaneval": 1.0},
    "n-shot": {"humaneval": 0},
    "n-samples": {"humaneval": {"original": 164, "effective": 20}},
    "config": {
        "model": "hf", "model_args": "pretrained=acme/tiny-1b-instruct,dtype=bfloat16",
        "model_num_parameters": 1_235_814_400, "model_dtype": "torch.bfloat16",
    },
    "date": 1735689600.5,
}  # fmt: skip
NAMED = "Qwen--Qwen2.5-Coder-1.5B-Instruct_vllm_temp_0.0_eval_results.json"


def write(folder: Path, document: Any, name: str = "results.json") -> Path:
    path = folder / name
    many = isinstance(document, list)
    path.write_text("\n".join(map(json.dumps, document)) if many else json.dumps(document))
    return path


def only(folder: Path, document: Any, name: str = "results.json", model: str = "m") -> BoardRow:
    (row,) = read_foreign(write(folder, document, name), model or None).rows
    return row


def test_a_pass_of_evalplus_is_one_at_both_tests(tmp_path: Path) -> None:
    row = only(tmp_path, EVALPLUS)
    assert row.benchmark == "humaneval+"
    assert row.scores["pass@1"].value == pytest.approx(1 / 3)
    assert row.scores["base_pass@1"].value == pytest.approx(2 / 3)


def test_evalplus_without_plus_tests_is_of_the_base_benchmark(tmp_path: Path) -> None:
    told = json.loads(json.dumps(EVALPLUS).replace('"plus_status": "', '"x": "'))
    row = only(tmp_path, told)
    assert (row.benchmark, list(row.scores)) == ("humaneval", ["pass@1"])


def test_the_older_form_of_evalplus_gives_the_same(tmp_path: Path) -> None:
    older = {
        "eval": {
            task: {"base": [[one["base_status"], []]], "plus": [[one["plus_status"], []]]}
            for task, (one,) in EVALPLUS["eval"].items()
        }
    }
    assert only(tmp_path, older).scores == only(tmp_path, EVALPLUS).scores


def test_a_file_that_evalplus_named_says_model_and_temperature(tmp_path: Path) -> None:
    row = only(tmp_path, EVALPLUS, NAMED, model="")
    assert row.model == "Qwen/Qwen2.5-Coder-1.5B-Instruct"
    assert row.protocol == "EvalPlus, greedy"


def test_human_eval_is_counted_from_its_lines(tmp_path: Path) -> None:
    row = only(tmp_path, HUMAN_EVAL)
    assert (row.benchmark, row.problems, row.scores["pass@1"].value) == ("humaneval", 4, 0.25)


def test_several_samples_of_human_eval_are_another_protocol(tmp_path: Path) -> None:
    row = only(tmp_path, HUMAN_EVAL * 2)
    assert row.protocol == "human-eval, samples from elsewhere, 2 samples"


def test_bigcode_gives_a_row_a_task_under_our_names(tmp_path: Path) -> None:
    rows = read_foreign(write(tmp_path, BIGCODE)).rows
    assert [row.benchmark for row in rows] == ["humaneval", "humanevalpack-fix-go"]
    assert {row.model for row in rows} == {"bigcode/starcoder2-3b"}
    assert rows[0].facts.precision == "BF16"
    assert rows[0].protocol == (
        "bigcode-evaluation-harness, temperature 0.2, top-p 0.95, 20 samples"
    )


@pytest.mark.parametrize(("limit", "problems"), [(20, 20), (164, 164), (1000, 164)])
def test_a_limit_of_bigcode_is_never_more_than_the_problems_there_are(
    limit: int, problems: int, tmp_path: Path
) -> None:
    config = {**BIGCODE["config"], "limit": limit, "n_samples": 1}
    row = only(tmp_path, {"humaneval": {"pass@1": 0.5}, "config": config})
    assert (row.problems, row.samples) == (problems, problems)
    assert row.scores["pass@1"] == widest(0.5, problems)
    assert ("the first" in row.protocol) == (limit < 164)


def test_lm_eval_says_model_size_precision_and_day(tmp_path: Path) -> None:
    row = only(tmp_path, LM_EVAL, model="")
    assert (row.model, row.facts.parameters) == ("acme/tiny-1b-instruct", 1_235_814_400)
    assert (row.facts.precision, row.date) == ("BF16", "2025-01-01")


def test_a_number_beyond_all_counting_is_none(tmp_path: Path) -> None:
    config = {**LM_EVAL["config"], "model_num_parameters": 10**400}
    row = only(tmp_path, {**LM_EVAL, "config": config}, model="tiny-1b")
    assert row.facts.parameters == 1_000_000_000


def test_lm_eval_on_a_part_of_the_problems_is_another_protocol(tmp_path: Path) -> None:
    row = only(tmp_path, LM_EVAL)
    assert row.protocol == "lm-eval, task humaneval 1.0, the first 20 problems"
    low, high = row.scores["pass@1"].interval or (0, 0)
    assert low < 0.31 < 0.69 < high


def test_errors_of_lm_eval_are_no_scores(tmp_path: Path) -> None:
    assert list(only(tmp_path, LM_EVAL).scores) == ["pass@1"]


def test_pass_at_1_of_lm_eval_has_the_name_that_it_has_here(tmp_path: Path) -> None:
    document = {**LM_EVAL, "results": {"mbpp_instruct": {"pass_at_1,extract_code": 0.5}}}
    row = only(tmp_path, document)
    assert (row.benchmark, list(row.scores)) == ("mbpp", ["pass@1"])


def test_the_name_that_is_given_wins(tmp_path: Path) -> None:
    assert only(tmp_path, LM_EVAL, model="mine").model == "mine"


@pytest.mark.parametrize("document", [HUMAN_EVAL, EVALPLUS], ids=["human-eval", "evalplus"])
def test_a_file_that_does_not_say_whose_it_is_needs_a_name(tmp_path: Path, document: Any) -> None:
    with pytest.raises(UsageError) as caught:
        read_foreign(write(tmp_path, document))
    assert "--model" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("[]", "a list of 0"),
        ('{"loss": 1, "step": 2}', 'an object with "loss", "step"'),
        ("hello\nyou", "no JSON"),
        ('{"text": "a"}\n{"text": "b"}', 'the first is an object with "text"'),
        ('{"eval": {"HumanEval/0": [{"no": 1}]}}', "something like EvalPlus that is damaged"),
        ('{"eval": {}}', "of no one benchmark"),
        ('{"results": {}}', "without a single score"),
        ("3", "the int 3"),
        ("null", "null"),
        ('{"task_id": "a/0", "completion": "x"}\n' * 2, "samples that are not judged yet"),
        ('{"signature": {}, "scores": {}}', "a result of lathe itself"),
        ('{"results": [' * 9, "no JSON"),
        ('{"task_id": "HumanEval/0", "passed": true}\n{"task_id"', "is damaged"),
        ('{"humaneval": {"pass@1": NaN}, "config": {"model": "m"}}', "without a single score"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_was_found(
    tmp_path: Path, text: str, found: str
) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(ProblemError) as caught:
        read_foreign(path, "m")
    assert found in caught.value.message


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"PK\x03\x04\x99"])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(ProblemError):
        read_foreign(path, "m")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProblemError):
        read_foreign(tmp_path / "gone", "m")


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    found = keep(read_foreign(write(tmp_path, BIGCODE)), tmp_path / "board")
    assert tuple(imported_rows(tmp_path / "board")) == found.rows


def test_the_same_file_is_kept_once(tmp_path: Path) -> None:
    for _ in range(2):
        keep(read_foreign(write(tmp_path, BIGCODE)), tmp_path / "board")
    assert len(list(imported_rows(tmp_path / "board"))) == 2


def test_a_file_that_changed_takes_the_place_of_what_it_was(tmp_path: Path) -> None:
    board = tmp_path / "board"
    other = {**BIGCODE, "humaneval": {"pass@1": 0.75}}
    (tmp_path / "copy").mkdir()
    keep(read_foreign(write(tmp_path / "copy", BIGCODE)), board)
    for document in (LM_EVAL, other):
        keep(read_foreign(write(tmp_path, document)), board)
    scores = sorted(row.scores["pass@1"].value for row in imported_rows(board))
    assert scores == [0.125, 0.125, 0.25, 0.75]


def test_a_file_that_changed_leaves_those_that_are_still_what_it_was(tmp_path: Path) -> None:
    board, archive = tmp_path / "board", tmp_path / "archive"
    archive.mkdir()
    for folder in (archive, tmp_path):
        keep(read_foreign(write(folder, BIGCODE)), board)
    keep(read_foreign(write(tmp_path, {**BIGCODE, "humaneval": {"pass@1": 0.75}})), board)
    scores = sorted(row.scores["pass@1"].value for row in imported_rows(board))
    assert scores == [0.125, 0.125, 0.25, 0.75]


def test_a_file_that_changed_is_the_same_by_another_path(tmp_path: Path) -> None:
    board, link = tmp_path / "board", tmp_path / "link"
    link.symlink_to(tmp_path)
    for score, folder in ((0.25, tmp_path), (0.5, board / ".."), (0.75, link)):
        keep(read_foreign(write(folder, {**BIGCODE, "humaneval": {"pass@1": score}})), board)
    assert sorted(row.scores["pass@1"].value for row in imported_rows(board)) == [0.125, 0.75]


def test_one_file_as_two_models_is_two(tmp_path: Path) -> None:
    path = write(tmp_path, HUMAN_EVAL)
    for name in ("one-1b", "other-1b", "one-1b"):
        keep(read_foreign(path, model=name), tmp_path / "board")
    assert sorted(row.model for row in imported_rows(tmp_path / "board")) == ["one-1b", "other-1b"]


def test_a_damaged_file_of_kept_rows_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"rows": [{}]}')
    with pytest.raises(ProblemError, match=r"x\.json"):
        list(imported_rows(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        '{"eval": {"HumanEval/0": {"base": [[]], "plus": [[]]}}}',
        '{"results": {"humaneval": {"pass@1,none": 0.5}}, "date": 1e300, "model_name": "m"}',
        '{"humaneval": {"pass@1": 1' + "0" * 400 + '}, "config": {"model": "m"}}',
        "[" * 100_000 + "\n" + "[" * 100_000,
        '{"task_id": "HumanEval/0", "passed": true}\n' + "[" * 100_000,
    ],
    ids=["empty status", "date", "integer", "depth", "depth of a line"],
)
def test_a_document_that_no_harness_writes_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ProblemError, match=r"damaged|no JSON"):
        read_foreign(tmp_path / "x.json", "m")


@pytest.mark.parametrize("value", ["Infinity", "-Infinity", "NaN"])
def test_what_is_no_number_is_no_score(tmp_path: Path, value: str) -> None:
    document = {"humaneval": {"pass@1": 0.5, "pass@10": float(value)}, "config": {"model": "m"}}
    (tmp_path / "x.json").write_text(json.dumps(document))
    (row,) = read_foreign(tmp_path / "x.json").rows
    assert list(row.scores) == ["pass@1"]


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ProblemError, match="read twice"):
        read_foreign(tmp_path / "pipe")


def test_a_name_in_an_encoding_of_its_own_is_a_name(tmp_path: Path) -> None:
    keep(read_foreign(write(tmp_path, HUMAN_EVAL), model="\udcff-1b"), tmp_path / "kept")
    assert [row.model for row in imported_rows(tmp_path / "kept")] == ["\udcff-1b"]


def test_where_nothing_can_be_kept_the_home_is_to_blame(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(UsageError) as caught:
        keep(read_foreign(write(tmp_path, LM_EVAL)), tmp_path / "kept")
    assert "CODELATHE_HOME" in caught.value.hint
