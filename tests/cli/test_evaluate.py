"""`lathe evaluate`, `compare` and `board show`: what they print, refuse and leave."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from codelathe import wiring
from codelathe.cli import run
from codelathe.core.errors import RemoteTimeout
from codelathe.core.generation import Completion, Request, Watch
from codelathe.engines.scripted import ScriptedEngine
from fakes.evaluating import asking
from fakes.judging import Told
from fakes.processes import until

SCRIPT = Path("script.jsonl")
OWN = Path("mine.jsonl")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """`humaneval` is the made-up benchmark, and the judge says what the answers tell it to."""
    judge = Told()

    def opened(mode: str = "hardened", workers: int | None = None) -> Told:
        judge.name = mode
        return judge

    monkeypatch.setattr(wiring, "open_judge", opened)
    monkeypatch.setattr(wiring, "open_benchmark", lambda *_, **__: asking(4))
    return judge


def script(*says: str, error_at: int = -1) -> str:
    """A scripted model that answers so that the judge says `says`."""
    lines: list[dict[str, Any]] = []
    for i, said in enumerate(says):
        line: dict[str, Any] = {"match": rf"Problem {i}\.", "repeat": True}
        if i == error_at:
            line |= {"error": "RemoteTimeout", "message": "no answer in 60 s"}
        else:
            line["text"] = f"def f(x):\n    return {i}  # {said}\n```\n"
        lines.append(line)
    SCRIPT.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return f"scripted:{SCRIPT}"


def evaluate(*args: str, model: str, out: str = "run", benchmark: str = "humaneval") -> int:
    return run(["evaluate", benchmark, "--model", model, "--out", out, *args])


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


SAYS = ("passed", "failed", "passed", "timeout")


@pytest.mark.usefixtures("told")
def test_the_document_has_what_is_fixed(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--json", model=script(*SAYS)) == 0
    found = document(capsys)
    assert (found["samples"], found["problems"], found["scores"]) == (4, 4, {"pass@1": 0.5})
    assert found["counts"] == {"passed": 2, "failed": 1, "timeout": 1}
    assert found["generation"]["completion_tokens"] > 0


@pytest.mark.usefixtures("told")
def test_the_result_is_the_document_of_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    evaluate("--json", model=script(*SAYS))
    found = document(capsys)
    kept = json.loads(Path("run/result.json").read_text())
    assert {name: kept[name] for name in found if name != "folder"} == {
        name: value for name, value in found.items() if name != "folder"
    }


@pytest.mark.usefixtures("told")
def test_without_a_folder_the_run_goes_under_the_home(capsys: pytest.CaptureFixture[str]) -> None:
    run(["evaluate", "humaneval", "--model", script(*SAYS), "--json"])
    folder = Path(document(capsys)["folder"])
    assert folder.parent == Path(os.environ["CODELATHE_HOME"]) / "runs"


@pytest.mark.usefixtures("told")
def test_what_a_person_sees_names_model_engine_and_protocol(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evaluate(model=script(*SAYS))
    shown = capsys.readouterr().out
    assert "scripted:script.jsonl by scripted, fast-chat v1, greedy" in shown
    assert "50.00%" in shown
    assert "lathe board show run" in shown


def test_the_same_command_again_runs_nothing(told: Told) -> None:
    model = script(*SAYS)
    evaluate(model=model)
    told.ran.clear()
    assert evaluate(model=model) == 0
    assert not told.ran


@pytest.mark.usefixtures("told")
def test_a_model_that_goes_away_keeps_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(model=script(*SAYS, error_at=2)) == 1
    told = capsys.readouterr().err
    assert "no answer in 60 s" in told
    assert "of 4 answers 2 are written and 2 judged" in told
    assert "the same command goes on from there" in told


class _LastFirst(ScriptedEngine):
    """Ends its answers the last first, as a batch may, and goes away before the very first."""

    def generate(
        self, requests: Sequence[Request], watch: Watch | None = None
    ) -> Generator[Completion]:
        yield from list(super().generate(requests, watch))[:0:-1]
        raise RemoteTimeout("gone")


@pytest.mark.usefixtures("told")
def test_answers_that_others_stand_before_count_as_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = script(*SAYS)
    monkeypatch.setattr(wiring, "open_engine", lambda *_, **__: _LastFirst.from_file(SCRIPT))
    assert evaluate(model=model) == 1
    assert "of 4 answers 3 are written and 0 judged" in capsys.readouterr().err


@pytest.mark.usefixtures("told")
def test_a_second_run_in_the_same_folder_is_refused_and_claims_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = script(*SAYS, error_at=2)
    evaluate(model=model)
    capsys.readouterr()
    with Path("run/completions.jsonl").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert evaluate(model=model) == 1
    told = capsys.readouterr().err
    assert "another process is" in told
    assert "goes on from there" not in told


@pytest.mark.usefixtures("told")
def test_an_empty_name_for_a_folder_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(model=script(*SAYS), out="") == 2
    assert "names nothing" in capsys.readouterr().err
    assert list(Path().iterdir()) == [SCRIPT]


def test_answers_that_could_not_be_judged_are_exit_code_3(told: Told) -> None:
    assert evaluate(model=script("passed", "unjudged", "passed", "passed")) == 3


def test_an_interruption_says_how_to_go_on(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    told.stop_at = 6
    assert evaluate(model=script(*SAYS)) == 130
    assert "2 judged" in capsys.readouterr().err


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("-n", "5", "-k", "10"), "pass@10 needs 10 samples"),
        (("-n", "2", "--temperature", "0"), "would all be the same"),
        (("--temperature", "hot"), "a number or 'model'"),
        (("--temperature", "9"), "temperature must lie"),
        (("-k", "x"), "whole numbers"),
        (("--protocol", "evalplu"), "unknown protocol"),
        (("--limit", "0"), "--limit"),
        (("--seed", "-1"), "seed"),
        (("--max-tokens", "0"), "--max-tokens"),
        (("--engine", "openvino"), "is for local models"),
    ],
)
def test_options_that_make_no_sense_are_wrong_use(
    args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(*args, model=script(*SAYS)) == 2
    assert message in capsys.readouterr().err
    assert not Path("run").exists()


def test_an_unknown_benchmark_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(model=script(*SAYS), benchmark="humanevl") == 2
    assert "nearest: humaneval" in capsys.readouterr().err


def test_data_that_is_nowhere_is_told_with_how_to_get_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert evaluate(model=script(*SAYS), benchmark="humaneval+") == 1
    told = capsys.readouterr().err
    assert "CODELATHE_DATA" in told
    assert "--data FILE" in told


@pytest.mark.usefixtures("told")
def test_a_file_in_place_of_the_folder_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    Path("run").write_text("mine")
    assert evaluate(model=script(*SAYS)) == 2
    assert "is no folder" in capsys.readouterr().err


@pytest.mark.usefixtures("told")
def test_another_command_for_the_same_folder_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evaluate(model=script(*SAYS))
    assert evaluate("--limit", "2", model=script(*SAYS)) == 2
    assert "limit: null and 2" in capsys.readouterr().err


@pytest.mark.usefixtures("told")
def test_two_runs_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(model=script(*SAYS), out="a")
    evaluate(model=script("passed", "passed", "failed", "passed"), out="b")
    capsys.readouterr()
    assert run(["compare", "a", "b"]) == 0
    shown = capsys.readouterr().out
    assert "only the first 1, only the second 2" in shown
    assert "lathe compare a b --show Toy/1" in shown


@pytest.mark.usefixtures("told")
def test_a_problem_of_a_comparison_is_shown_with_both_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evaluate(model=script(*SAYS), out="a")
    evaluate(model=script("passed", "passed", "failed", "passed"), out="b")
    capsys.readouterr()
    run(["compare", "a", "b", "--show", "Toy/1"])
    shown = capsys.readouterr().out
    assert "# failed" in shown
    assert "# passed" in shown


@pytest.mark.usefixtures("told")
def test_runs_of_different_measures_are_refused_or_forced(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evaluate(model=script(*SAYS), out="a")
    evaluate("--protocol", "evalplus", model=script(*SAYS), out="b")
    assert run(["compare", "a", "b"]) == 2
    assert "protocol.name" in capsys.readouterr().err
    assert run(["compare", "a", "b", "--force"]) == 0
    assert "differs: protocol.name" in capsys.readouterr().out


def test_what_is_no_run_cannot_be_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "a", "b"]) == 2
    assert "holds no run" in capsys.readouterr().err


@pytest.mark.usefixtures("told")
def test_a_run_is_shown_problem_by_problem(capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(model=script(*SAYS))
    capsys.readouterr()
    run(["board", "show", "run"])
    shown = capsys.readouterr().out
    assert [line.split()[-1] for line in shown.splitlines()[:4]] == list(SAYS)


@pytest.mark.usefixtures("told")
def test_one_answer_is_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(model=script(*SAYS))
    capsys.readouterr()
    run(["board", "show", "run", "Toy/1", "--json"])
    found = document(capsys)
    assert "Problem 1." in found["prompt"]
    assert found["completion"].endswith("# failed")
    assert found["verdict"]["status"] == "failed"


def own(*rows: dict[str, Any]) -> str:
    OWN.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(OWN)


REVERSE = {
    "prompt": "Reverse a text.",
    "id": "reverse",
    "entry_point": "reverse",
    "examples": [{"input": "'ab'", "output": "'ba'"}],
    "tests": "assert reverse('') == ''",
}


def test_a_benchmark_of_ones_own_is_judged_by_examples_and_tests(
    capsys: pytest.CaptureFixture[str],
) -> None:
    SCRIPT.write_text(json.dumps({"text": "def reverse(s):\n    return s\n```"}))
    assert evaluate("--json", model=f"scripted:{SCRIPT}", benchmark=own(REVERSE)) == 0
    assert document(capsys)["counts"] == {"failed": 1}
    run(["board", "show", "run", "reverse"])
    shown = capsys.readouterr().out
    assert "'ab'" in shown
    assert "'ba'" in shown


def test_samples_for_a_benchmark_of_ones_own_can_be_judged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    solution = "def reverse(s):\n    return s[::-1]"
    Path("samples.jsonl").write_text(json.dumps({"task_id": "reverse", "solution": solution}))
    assert run(["judge", own(REVERSE), "samples.jsonl", "--json"]) == 0
    assert document(capsys)["scores"] == {"pass@1": 1.0}


def test_what_a_model_wrote_is_a_samples_file(capsys: pytest.CaptureFixture[str]) -> None:
    SCRIPT.write_text(json.dumps({"text": "def reverse(s):\n    return s[::-1]\n```"}))
    evaluate("--json", model=f"scripted:{SCRIPT}", benchmark=own(REVERSE))
    first = document(capsys)
    run(["judge", str(OWN), "run/completions.jsonl", "--json"])
    assert document(capsys)["scores"] == first["scores"]


def test_the_terminal_signal_ends_a_run_as_an_interruption_does() -> None:
    slow = {"text": "def reverse(s):\n    while True: pass\n```", "repeat": True}
    SCRIPT.write_text(json.dumps(slow))
    rows = [{**REVERSE, "id": f"r{i}"} for i in range(30)]
    for i, row in enumerate(rows):
        row["prompt"] = f"Reverse a text. {i}"
    command = ["evaluate", own(*rows), "--model", f"scripted:{SCRIPT}", "--out", "run"]
    with subprocess.Popen(
        [sys.executable, "-m", "codelathe", *command], stderr=subprocess.PIPE, text=True
    ) as process:
        until(Path("run/completions.jsonl.journal").exists, 60)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from there" in told


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("option", ["--engine openvino", "--precision int8"])
def test_what_is_for_local_models_is_refused_for_others(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(*option.split(), model=script("passed")) == 2
    assert f"{option} is for local models" in capsys.readouterr().err


ESCAPES = "\x1b]0;owned\x07\x1b[31m"


def test_nothing_of_a_file_of_problems_reaches_the_terminal_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = f"mine{ESCAPES}.jsonl"
    row = {"prompt": "Add.", "program": True, "id": f"a{ESCAPES}"}
    examples = [{"input": "1 2", "output": "3"}]
    row |= {"examples": examples, "canonical_solution": "print(4)"}
    good = {**row, "id": f"b{ESCAPES}", "canonical_solution": "print(3)"}
    Path(name).write_text("".join(json.dumps(r) + "\n" for r in (row, good)))
    texts = ("print(3)", "print(4)")
    for out, text in zip("xy", texts, strict=True):
        SCRIPT.write_text(json.dumps({"text": f"```python\n{text}\n```", "repeat": True}) + "\n")
        assert evaluate(model=f"scripted:{SCRIPT}", out=out, benchmark=f"./{name}") == 0
    verdicts = Path("x/verdicts.jsonl").read_text().splitlines()
    ids = [json.loads(line)["task_id"] for line in verdicts]
    for args in (
        ["compare", "x", "y", "--force"],
        ["compare", "x", "y", "--force", "--show", ids[0]],
        ["board", "x", "y"],
        ["board", "show", "x"],
        ["board", "show", "x", ids[0]],
    ):
        assert run(args) == 0
    shown = capsys.readouterr()
    assert "owned" in shown.out
    assert "\x1b" not in shown.out + shown.err


@pytest.mark.usefixtures("told")
def test_a_run_whose_verdicts_are_not_those_that_it_left_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evaluate(model=script(*SAYS))
    verdicts = Path("run/verdicts.jsonl")
    verdicts.write_text(verdicts.read_text().replace("failed", "passed", 1))
    assert run(["board", "show", "run"]) == 2
    assert "is not what the run left" in capsys.readouterr().err


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    "args", [["compare", "x" * 300, "y"], ["board", "show", "x" * 300], ["board", "x" * 300]]
)
def test_a_name_that_is_too_long_is_wrong_use(args: list[str]) -> None:
    assert run(args) == 2


@pytest.mark.usefixtures("told")
def test_a_folder_whose_name_is_too_long_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(model=script(*SAYS), out="x" * 300) == 2
    assert "--out" in capsys.readouterr().err
