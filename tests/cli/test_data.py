"""`lathe data check` and `lathe data show`: faults by line, rows token by token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codelathe.cli import run
from codelathe.core.errors import InputError
from codelathe.training.data.sources import find_files
from fakes.hub import FakeHub
from fakes.tokens import CHATML

ROWS = [
    {"prompt": "say hi", "completion": "hi there"},
    {"prompt": "say ho"},
    {"prompt": "say hu", "completion": " "},
    {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b c"}]},
    {"prompt": "say hi", "completion": "hi there"},
]


@pytest.fixture(autouse=True)
def rows() -> None:
    write("rows.jsonl", ROWS)


def write(path: str, documents: list[Any]) -> None:
    Path(path).write_text("".join(json.dumps(document) + "\n" for document in documents))


@pytest.fixture
def model() -> str:
    """A checkpoint's folder with a tokenizer and a chat template, and no weights worth the name."""
    tokenizers = pytest.importorskip("tokenizers", reason="the extra 'train' is not installed")
    from tokenizers import models, pre_tokenizers, trainers

    own = tokenizers.Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.post_processor = tokenizers.processors.ByteLevel(trim_offsets=True)
    own.decoder = tokenizers.decoders.ByteLevel()
    specials = ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]
    own.train_from_iterator(
        ["def add(a, b):\n    return a + b\n"],
        trainers.BpeTrainer(
            vocab_size=300,
            special_tokens=specials,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    folder = Path("model")
    folder.mkdir()
    own.save(str(folder / "tokenizer.json"))
    (folder / "model.safetensors").write_bytes(b"none")
    config = {"model_type": "qwen2", "max_position_embeddings": 64}
    (folder / "config.json").write_text(json.dumps(config))
    told = {"eos_token": "<|im_end|>", "chat_template": CHATML}
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    return "./model"


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_every_fault_is_told_with_its_line_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", "rows.jsonl", "--json"]) == 0
    found = document(capsys)
    assert [(f["line"], f["kind"]) for f in found["faults"]] == [
        (2, "no known form"), (3, "empty completion"),
    ]  # fmt: skip
    assert found["fault_counts"] == {"no known form": 1, "empty completion": 1}
    assert (found["rows"], found["usable"]) == (5, 3)
    assert found["forms"] == {"messages": 1, "prompt": 2}
    assert found["repeats"] == {"exact": 1, "near": 0}


def test_the_table_tells_kinds_lines_and_what_is_mixed(capsys: pytest.CaptureFixture[str]) -> None:
    run(["data", "check", "rows.jsonl"])
    told = capsys.readouterr().out
    assert "rows.jsonl: 5 rows, 3 usable" in told
    assert "rows.jsonl:2 has prompt but no completion" in told
    assert "forms are mixed: messages 1, prompt 2" in told


def test_data_of_which_nothing_can_be_used_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    write("bad.jsonl", [{"question": "a", "answer": "b"}])
    assert run(["data", "check", "bad.jsonl"]) == 2
    assert "no row can be used" in capsys.readouterr().out


def test_a_mapping_makes_rows_of_other_names(capsys: pytest.CaptureFixture[str]) -> None:
    write("bad.jsonl", [{"question": "a", "answer": "b"}])
    assert run(["data", "check", "bad.jsonl", "--map", "instruction=question,output=answer"]) == 0


def test_tokens_are_counted_by_the_models_own_template(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "check", "rows.jsonl", "--model", model, "--json"]) == 0
    tokens = document(capsys)["tokens"]
    assert tokens["rows"] == 3
    assert 0 < tokens["supervised"] < tokens["total"]
    assert tokens["max_length"] == 64


def test_rows_longer_than_asked_are_told_with_their_lines(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["data", "check", "rows.jsonl", "--model", model, "--max-length", "4", "--json"])
    assert [row["line"] for row in document(capsys)["tokens"]["too_long"]] == [1, 4, 5]


def test_a_length_without_a_model_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", "rows.jsonl", "--max-length", "4"]) == 2
    assert "--model REF --max-length 4" in capsys.readouterr().err


def test_a_service_has_no_tokens_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "show", "rows.jsonl", "--model", "openai:gpt-5-mini"]) == 2
    assert "does not show its tokenizer" in capsys.readouterr().err


def test_a_row_is_shown_token_by_token(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "show", "rows.jsonl", "--model", model, "--row", "2", "--json"]) == 0
    (row,) = document(capsys)["rows"]
    assert (row["line"], row["form"]) == (4, "messages")
    assert "".join(t["text"] for t in row["tokens"]) == (
        "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb c<|im_end|>\n"
    )
    assert "".join(t["text"] for t in row["tokens"] if t["trained"]) == "b c<|im_end|>"


def test_what_the_loss_counts_stands_in_brackets(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["data", "show", "rows.jsonl", "--model", model, "--row", "2"])
    told = capsys.readouterr().out
    assert "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[b][ ][c][<|im_end|>]" in told


def test_indentation_and_korean_of_an_answer_are_counted_and_shown(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write("code.jsonl", [{"prompt": "p", "completion": "x:\n        값"}])
    run(["data", "show", "code.jsonl", "--model", model, "--json"])
    (row,) = document(capsys)["rows"]
    assert "".join(t["text"] for t in row["tokens"] if t["trained"]) == "x:\n        값<|im_end|>"


def test_how_texts_were_cut_when_a_tokenizer_was_saved_does_not_cut_rows(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "show", "rows.jsonl", "--model", model, "--json"]) == 0
    whole = capsys.readouterr().out
    path = Path(model) / "tokenizer.json"
    document = json.loads(path.read_text())
    document["truncation"] = {
        "direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0,
    }  # fmt: skip
    document["padding"] = {
        "strategy": {"Fixed": 60}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 2,
        "pad_type_id": 0, "pad_token": "<|endoftext|>",
    }  # fmt: skip
    path.write_text(json.dumps(document))
    assert run(["data", "show", "rows.jsonl", "--model", model, "--json"]) == 0
    assert capsys.readouterr().out == whole


def test_a_row_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "show", "rows.jsonl", "--model", "./none", "--row", "9"]) == 2
    assert "there is no row 9" in capsys.readouterr().err


def test_a_folder_is_no_file_of_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", "."]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_a_data_set_of_the_hub_is_fetched_once(
    hub: FakeHub, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path("rows.jsonl").read_bytes()
    hub.repositories["datasets/someone/rows"] = {
        "README.md": b"#", "data/train-00000-of-00002.jsonl": data,
        "data/train-00001-of-00002.jsonl": data, "data/test.jsonl": b"{}",
        "dataset_infos.json": b"{}",
    }  # fmt: skip
    for _ in range(2):
        assert run(["data", "check", "hf:someone/rows", "--json"]) == 0
        assert document(capsys)["rows"] == 10
    assert len(hub.fetches()) == 2


def test_a_part_of_a_data_set_is_named_after_a_colon(
    hub: FakeHub, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"train.jsonl": b'{"text": "a"}\n', "test.jsonl": b'{"text": "b"}\n{"text": "c"}\n'}
    hub.repositories["datasets/someone/rows"] = files
    assert run(["data", "check", "hf:someone/rows:test", "--json"]) == 0
    assert document(capsys)["rows"] == 2


def test_a_data_set_of_several_parts_and_no_training_part_has_them_listed(
    hub: FakeHub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories["datasets/someone/rows"] = {"a.csv": b"text\nx\n", "b.csv": b"text\nx\n"}
    assert run(["data", "check", "hf:someone/rows"]) == 2
    assert "hf:someone/rows:PART: a, b" in capsys.readouterr().err


def test_files_are_taken_in_the_order_they_are_named() -> None:
    class Nothing:
        def data_files(self, ref: Any, progress: Any = None) -> tuple[Path, ...]:
            return (Path(ref.name),)

    found = find_files(["rows.jsonl", "hf:a/b"], Nothing())
    assert found == (Path("rows.jsonl"), Path("a/b"))
    with pytest.raises(InputError):
        find_files(["none.jsonl"], Nothing())


def test_rows_that_hold_a_problem_of_a_benchmark_are_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    prompt = " ".join(f"word{n}" for n in range(20))
    tests = "assert f() == 1"
    write("own.jsonl", [{"id": "own/1", "prompt": prompt, "entry_point": "f", "tests": tests}])
    write("rows.jsonl", [{"text": "fine"}, {"text": f"Task: {prompt}"}])
    assert run(["data", "check", "rows.jsonl", "--against", "own.jsonl", "--json"]) == 0
    assert [(o["line"], o["problem"]) for o in document(capsys)["overlaps"]] == [(2, "own/1")]


def test_rows_that_a_model_cannot_render_are_told_beside_the_others(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write("rows.jsonl", [{"text": "fine"}, {"prefix": "a", "suffix": "c", "middle": "b"}])
    assert run(["data", "check", "rows.jsonl", "--model", model]) == 0
    assert "rows.jsonl:2 ./model has no tokens for fill in the middle" in capsys.readouterr().out
