"""`lathe judge` with samples: what it prints, writes and refuses."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codelathe import wiring
from codelathe.cli import run
from fakes.judging import Told, made_up
from fakes.problems import MBPP_PLUS
from fakes.processes import until

HERE = Path("samples.jsonl")
ROWS = Path("samples_verdicts.jsonl")
RESULT = Path("samples_verdicts.result.json")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """`humaneval` is the made-up benchmark, and the judge says what the samples tell it to."""
    judge = Told()

    def opened(mode: str = "hardened", workers: int | None = None) -> Told:
        judge.name = mode
        return judge

    monkeypatch.setattr(wiring, "open_judge", opened)
    monkeypatch.setattr(wiring, "open_benchmark", lambda *_, **__: made_up())
    return judge


def write(*says: str, path: Path = HERE) -> None:
    lines = [
        json.dumps({"task_id": f"Toy/{n % 3}", "completion": f"{n} # {say}"})
        for n, say in enumerate(says)
    ]
    path.write_text("\n".join(lines))


def judge(*args: str, samples: Path = HERE) -> int:
    return run(["judge", "humaneval", str(samples), *args])


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.usefixtures("told")
def test_the_document_has_what_is_fixed(capsys: pytest.CaptureFixture[str]) -> None:
    write("passed", "failed", "passed", "timeout")
    assert judge("--json") == 0
    found = document(capsys)
    assert (found["samples"], found["problems"]) == (4, 3)
    assert found["scores"] == {"pass@1": 0.5}
    assert found["intervals"]["pass@1"][0] < 0.5 < found["intervals"]["pass@1"][1]
    assert found["counts"] == {"passed": 2, "failed": 1, "timeout": 1}
    assert {"seconds", "signature"} <= set(found)


@pytest.mark.usefixtures("told")
def test_the_rows_go_beside_the_samples() -> None:
    write("passed", "failed")
    judge()
    assert [json.loads(line)["status"] for line in ROWS.read_text().splitlines()] == [
        "passed", "failed"
    ]  # fmt: skip


@pytest.mark.usefixtures("told")
def test_the_document_is_kept_beside_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    write("passed", "failed")
    judge("--json")
    found, kept = document(capsys), json.loads(RESULT.read_text())
    assert all(kept[name] == found[name] for name in ("scores", "counts", "signature"))


@pytest.mark.usefixtures("told")
def test_the_rows_go_where_out_says(tmp_path: Path) -> None:
    write("passed")
    out = tmp_path / "new folder" / "rows.jsonl"
    assert judge("--out", str(out)) == 0
    assert len(out.read_text().splitlines()) == 1
    assert not ROWS.exists()


@pytest.mark.usefixtures("told")
def test_gzipped_samples_have_their_rows_in_a_plain_file() -> None:
    write("passed")
    Path("samples.jsonl.gz").write_bytes(gzip.compress(HERE.read_bytes()))
    HERE.unlink()
    assert judge(samples=Path("samples.jsonl.gz")) == 0
    assert ROWS.read_text().startswith('{"task_id"')


@pytest.mark.usefixtures("told")
def test_scores_and_counts_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    write("passed", "tampered", "passed", "passed")
    judge()
    printed = capsys.readouterr().out
    assert "4 samples, 3 problems, hardened, isolation A" in printed
    assert "66.67%" in printed
    assert "tampered            1" in printed


@pytest.mark.usefixtures("told")
def test_problems_without_a_sample_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    write("passed")
    judge()
    assert "2 problems of the benchmark without a sample" in capsys.readouterr().out


@pytest.mark.usefixtures("told")
def test_what_could_not_be_judged_is_told_by_the_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("passed", "unjudged")
    assert judge() == 3
    assert "1 sample could not be judged" in capsys.readouterr().out


@pytest.mark.usefixtures("told")
def test_a_score_that_is_missing_for_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    write("unjudged")
    judge()
    assert "no pass@1: a problem is left with fewer samples" in capsys.readouterr().out


@pytest.mark.usefixtures("told")
def test_a_finished_run_is_printed_again(capsys: pytest.CaptureFixture[str], told: Told) -> None:
    write("passed", "failed")
    judge("--json")
    first = document(capsys)
    told.ran.clear()
    assert judge("--json") == 0
    assert (document(capsys), told.ran) == (first, [])


@pytest.mark.usefixtures("told")
def test_verdicts_of_compat_are_said_to_be_forgeable(capsys: pytest.CaptureFixture[str]) -> None:
    write("passed")
    judge("--mode", "compat")
    said = capsys.readouterr()
    assert "can be forged" in said.err
    assert "can be forged" in said.out


@pytest.mark.usefixtures("told")
def test_rows_of_another_mode_are_replaced_and_that_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("passed")
    judge()
    capsys.readouterr()
    assert judge("--mode", "compat") == 0
    assert "verdicts with another mode were there, and are replaced" in capsys.readouterr().err


@pytest.mark.usefixtures("told")
def test_quiet_says_nothing_beside_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    write("passed")
    judge("--mode", "compat", "--quiet")
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-k", "1,x"], "-k takes whole numbers"),
        (["-k", "0"], "pass@k needs k of at least 1, not 0"),
        (["-k", "5"], "pass@5 needs 5 samples of each problem, and one has 1"),
        (["--timeout", "0"], "seconds must be above 0"),
        (["--timeout", "nan"], "seconds must be above 0"),
        (["--workers", "0"], "0 is not in the range"),
        (["--mode", "fast"], "'fast' is not one of"),
        (["--out", "samples.jsonl"], "is the samples file itself"),
        (["--out", "."], "is a folder"),
        (["--out", "/dev/null"], "no file that rows can be kept in"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_make_no_sense_are_refused_before_anything_is_run(
    args: list[str], message: str, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    write("passed", "passed", "passed")
    assert judge(*args) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "next: " in said
    assert not told.ran


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "cannot read samples.jsonl: No such file"),
        (b"", "samples.jsonl holds no sample"),
        (b"nothing\n", "samples.jsonl, line 1 is not JSON"),
        (b'{"task_id": "Toy/0"}', "line 1 has neither completion nor solution"),
        (b'{"completion": ""}', "line 1 has no task_id"),
        (b'{"task_id": "Toy/99", "completion": ""}', "line 1: unknown task id 'Toy/99'"),
        (b'\n{"task_id": "Toy/0", "completion": "\xbe"}', "line 2 is not UTF-8"),
        (b"\n" + b" " * (100 << 20), "line 2 is longer than 16 MiB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_samples_that_cannot_be_judged_are_refused(
    data: bytes | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if data is not None:
        HERE.write_bytes(data)
    assert judge() == 2
    assert message in capsys.readouterr().err
    assert not ROWS.exists()


def test_an_unknown_benchmark_is_refused_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("passed")
    assert run(["judge", "humanevil", str(HERE)]) == 2
    assert "humaneval" in capsys.readouterr().err


@pytest.mark.usefixtures("told")
def test_a_second_run_at_the_same_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write("passed")
    with ROWS.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert judge() == 1
    assert "another process is judging" in capsys.readouterr().err


@pytest.mark.parametrize("args", [["--mode", "compat"], ["-k", "1"], ["--workers", "2"]])
def test_a_proof_takes_no_options_of_samples(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["judge", "proof", "solution.json", *args]) == 2
    assert "takes no options" in capsys.readouterr().err


def test_an_interrupted_run_says_what_is_kept(
    told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    write("passed", "failed", "passed")
    told.stop_at = 2
    assert judge() == 130
    assert "2 of 3 samples are judged and kept" in capsys.readouterr().err


DATA = """
{"task_id": "Own/0", "prompt": "def double(x):\\n", "entry_point": "double", \
"canonical_solution": "    return 2 * x\\n", \
"test": "def check(candidate):\\n    assert candidate(2) == 4\\n    assert candidate(5) == 10\\n"}
"""


@pytest.fixture
def own() -> list[str]:
    """A benchmark in HumanEval's form, judged by the real judge."""
    Path("own.jsonl").write_text(DATA.strip())
    return ["judge", "humaneval", str(HERE), "--data", "own.jsonl"]


def samples(*completions: str) -> None:
    rows = [{"task_id": "Own/0", "completion": text} for text in completions]
    HERE.write_text("\n".join(map(json.dumps, rows)))


@pytest.mark.parametrize("mode", ["hardened", "compat"])
def test_the_real_judge_tells_right_from_wrong(
    mode: str, own: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    samples("    return x + x", "    return x * x", "    return y", "    return x + x # again")
    assert run([*own, "--mode", mode, "--json"]) == 0
    found = document(capsys)
    assert found["counts"] == {"passed": 2, "failed": 1, "error": 1}
    assert found["signature"]["mode"] == mode


def test_a_row_of_a_wrong_answer_tells_the_call(own: list[str]) -> None:
    samples("    return x * x")
    run(own)
    detail = json.loads(ROWS.read_text())["detail"]
    assert "input 5; expected 10, got 25" in detail


def test_the_timeout_that_is_asked_for_counts(
    own: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    samples("    while True: pass")
    run([*own, "--timeout", "0.3", "--json"])
    found = document(capsys)
    assert found["counts"] == {"timeout": 1}
    assert found["signature"]["timeout"] == 0.3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_from_outside_goes_on_where_it_was(
    number: int, own: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    samples(*(f"    sum(range({10**7 + n}))\n    return 2 * x" for n in range(20)))
    child = subprocess.Popen(
        [sys.executable, "-m", "codelathe", *own, "--workers", "1"],
        env=dict(os.environ), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    until(lambda: ROWS.exists() and ROWS.read_bytes().count(b"\n") >= 2, 60)
    child.send_signal(number)
    _, said = child.communicate()
    assert child.returncode in (-signal.SIGKILL, 130)
    assert number == signal.SIGKILL or "the same command goes on from there" in said
    kept = ROWS.read_bytes().splitlines()[:2]
    assert run([*own, "--json"]) == 0
    assert document(capsys)["samples"] == 20
    assert ROWS.read_bytes().splitlines()[:2] == kept


def test_a_missing_samples_file_is_told_before_a_benchmark_is_looked_for(
    told: Told, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wiring, "open_benchmark", lambda *_: pytest.fail("it was looked for"))
    assert judge() == 2
    assert "cannot read samples.jsonl: No such file" in capsys.readouterr().err


def test_base_only_leaves_the_tests_of_a_plus_benchmark_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = MBPP_PLUS[0]
    data, samples = tmp_path / "plus.jsonl", tmp_path / "wrong.jsonl"
    data.write_text(json.dumps(row))
    only_base = "def similar_elements(a, b):\n    return (2,)\n"  # wrong for what plus adds
    samples.write_text(json.dumps({"task_id": row["task_id"], "solution": only_base}))
    command = ["judge", "mbpp+", str(samples), "--data", str(data), "--json"]
    assert run(command) == 0
    assert document(capsys)["scores"]["pass@1"] == 0.0
    assert run([*command, "--base-only"]) == 0
    found = document(capsys)
    assert found["scores"] == {"pass@1": 1.0}
    assert found["signature"]["tests"] == ["base"]


def test_base_only_is_refused_where_there_is_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    HERE.write_text("{}")
    assert run(["judge", "mbpp", str(HERE), "--base-only"]) == 2
    assert "mbpp has base tests only" in capsys.readouterr().err
