"""`lathe compress sweep`: what it prints and leaves, what it advises, and what it refuses first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from codelathe import wiring
from codelathe.cli import run
from codelathe.core.errors import EngineError
from fakes import checkpoints, evaluating
from fakes.judging import Told
from fakes.sweeping import PROBLEMS, Made

METHODS = "q8_0,q4_1,wanda:0.5"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.save(tmp_path_factory.mktemp("llama") / "tiny", "llama")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """A sweep whose work is made up, of 40 problems."""
    workshop = Made()
    monkeypatch.setattr(wiring, "open_judge", lambda *_, **__: Told())
    monkeypatch.setattr(wiring, "open_benchmark", lambda *_: evaluating.asking(PROBLEMS))
    monkeypatch.setattr(wiring, "open_workshop", lambda *_: workshop.workshop)
    return workshop


def sweep(model: Path | str, *args: str, methods: str = METHODS) -> int:
    return run(["compress", "sweep", str(model), "--methods", methods, "--out", "out", *args])


def test_the_table_has_every_variant_and_says_where_things_are(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    made.passed = {"q4_1": 30}
    assert sweep(model) == 0
    out = capsys.readouterr().out
    for told in ("original", "q8_0", "q4_1", "wanda:0.5", "30/40 [", "-25.0 [", "-10 +0"):
        assert told in out
    assert out.endswith("all of it: out, to look at: out/board.html\n")


def test_the_document_has_what_the_file_has(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(model, "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told == json.loads(Path("out/sweep.json").read_text())
    assert [row["name"] for row in told["rows"]] == ["original", *METHODS.split(",")]
    assert all(Path(path).is_file() for path in [*told["pictures"], told["board"]])


def test_a_variant_that_fits_is_named_with_the_command_that_serves_it(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    made.speeds = {"q4_1": 80.0}
    assert sweep(model, "--max-memory", "200MB", "--max-loss", "20") == 0
    out = capsys.readouterr().out
    assert "use q4_1, the fastest that fits: 80.0 tokens/s, 100 MB at most" in out
    assert "to serve it: CODELATHE_MODEL=./out/q4_1/tiny-q4_1.gguf lathe serve\n" in out


def test_a_budget_that_nothing_fits_ends_with_3(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(model, "--max-memory", "50MB") == 3
    out = capsys.readouterr().out
    assert "none fits\n  original: takes 100 MB of memory\n  q8_0: takes" in out


def test_a_loss_that_could_not_be_told_ends_with_3_and_says_so(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    made.speeds = {"q8_0": 80.0}
    assert sweep(model, "--max-loss", "2") == 3
    out = capsys.readouterr().out
    assert "perhaps q8_0: 80.0 tokens/s" in out
    assert "40 problems do not exclude a loss of 8.8" in out


def test_the_fastest_that_is_sure_to_fit_is_told_too(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    made.speeds = {"q8_0": 80.0}
    assert sweep(model, "--max-loss", "2") == 3
    assert "sure to fit: original: 10.0 tokens/s, 100 MB at most\n" in capsys.readouterr().out


def test_a_loss_that_nobody_asked_about_is_told(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    made.passed, made.speeds = {"q4_1": 0}, {"q4_1": 80.0}
    assert sweep(model, "--max-memory", "1GB") == 0
    out = capsys.readouterr().out
    assert "use q4_1, the fastest that fits: 80.0 tokens/s, 100 MB at most, -100.0 [" in out


def test_less_is_allowed_to_be_lost_of_little_and_said(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    made.passed = dict.fromkeys(("original", *METHODS.split(",")), 4)
    sweep(model, "--max-loss", "30")
    assert "at most 5 points may go: half of what the original passes" in capsys.readouterr().out
    sweep(model, "--max-loss", "2")
    assert "points may go" not in capsys.readouterr().out


def test_a_failed_variant_is_a_row_and_ends_with_3(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    made.fails = {"make q4_1": EngineError("there is too little memory")}
    assert sweep(model) == 3
    assert "q4_1 failed: there is too little memory" in capsys.readouterr().out


def test_an_interrupted_sweep_says_how_to_go_on(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    made.fails = {"ask q4_1": KeyboardInterrupt()}
    assert sweep(model) == 130
    assert "what is done is kept in out; the same command goes on" in capsys.readouterr().err


def test_another_budget_is_answered_without_work(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(model)
    made.called.clear()
    assert sweep(model, "--max-memory", "1GB") == 0
    assert made.called == []


def test_other_options_are_refused_with_what_differs(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(model)
    assert sweep(model, "--limit", "5") == 2
    assert "out holds a sweep with limit None, not 5" in capsys.readouterr().err


def test_shorter_answers_are_another_sweep(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(model, "--max-tokens", "19")
    assert json.loads(Path("out/sweep.json").read_text())["settings"]["max_tokens"] == 19
    assert sweep(model) == 2
    assert "out holds a sweep with max tokens 19, not None" in capsys.readouterr().err


def test_a_limit_beyond_all_problems_is_none(model: Path, made: Made) -> None:
    sweep(model)
    assert sweep(model, "--limit", "40") == 0


def test_without_a_place_it_goes_to_one_of_its_own(model: Path, made: Made) -> None:
    args = ["compress", "sweep", str(model), "--methods", "q8_0"]
    assert run(args) == 0
    made.called.clear()
    assert run(args) == 0
    assert made.called == []


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--methods", "q8_0,q8_1"], "unknown method 'q8_1'"),
        (["--methods", ""], "no method is named"),
        (["--methods", "wanda"], "nothing says how much"),
        (["--methods", "wanda:50"], "not between 0 and 1"),
        (["--max-memory", "lots"], "no amount of memory"),
        (["--max-loss", "-1"], "max-loss"),
        (["--max-loss", "nan"], "no share of problems"),
        (["--benchmark", "humanevil"], "unknown benchmark 'humanevil'"),
        (["--limit", "0"], "--limit"),
        (["--out", ""], "--out"),
    ],
)
def test_wrong_use_is_told_before_any_work(
    model: Path, made: Made, args: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compress", "sweep", str(model), *args]) == 2
    assert told in capsys.readouterr().err
    assert made.called == []


@pytest.mark.parametrize("name", ["openai:gpt-5-mini", "nothing-like-it", "./no/such/folder"])
def test_what_has_no_weights_here_is_refused(
    name: str, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(name) == 2
    assert made.called == []


def test_an_adapter_is_refused_with_the_command_that_merges_it(
    model: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = checkpoints.save_adapter(Path("tuned"), model)
    assert sweep(f"adapter:{adapter}") == 2
    assert "lathe export merge adapter:tuned --out merged" in capsys.readouterr().err


def test_a_model_that_is_quantized_already_is_refused_before_any_work(
    tmp_path: Path, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = checkpoints.save(tmp_path / "small", "llama")
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (folder / "config.json").write_text(json.dumps(config))
    assert sweep(folder) == 2
    assert "quantized already" in capsys.readouterr().err
    assert made.called == []


def test_what_cannot_become_a_form_is_told_first_and_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = checkpoints.save(tmp_path / "gpt2", "gpt2")
    workshop = Made()
    opened = wiring.open_workshop

    def half(*told: Any) -> Any:
        """The refusal is the real one, the rest is made up."""
        real = opened(*told)

        def make(variant: Any, path: Path) -> Any:
            return (real.make if "openvino" in variant.name else workshop.make)(variant, path)

        return type(real)(workshop.describe, make, workshop.measure, workshop.ask)

    monkeypatch.setattr(wiring, "open_judge", lambda *_, **__: Told())
    monkeypatch.setattr(wiring, "open_benchmark", lambda *_: evaluating.asking(PROBLEMS))
    monkeypatch.setattr(wiring, "open_workshop", half)
    assert sweep(folder, methods="dynamic-int8,openvino-int8") == 3
    told = capsys.readouterr()
    assert "openvino-int8 cannot be made of this model: " in told.err
    assert "openvino-int8 failed: OpenVINO's reader builds no gpt2" in told.out


# With a real model, in real processes.


def _command(home: Path) -> tuple[list[str], dict[str, str]]:
    rows = [
        {"id": f"t/{i}", "prompt": "Write add(a, b), which adds two numbers.",
         "entry_point": "add", "tests": f"assert add({i}, 2) == {i + 2}"}
        for i in range(2)
    ]  # fmt: skip
    Path("tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    args = ["compress", "sweep", str(home), "--methods", "q8_0", "--benchmark", "tasks.jsonl"]
    command = [sys.executable, "-m", "codelathe", *args, "--out", "out", "--json"]
    return command, {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.mark.model
def test_a_sweep_of_a_real_model_that_was_killed_goes_on(smollm2_path: Path) -> None:
    command, environment = _command(smollm2_path)
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not Path("out/original/run/result.json").exists():
            time.sleep(0.05)
        time.sleep(3)  # the variant is being made
        process.send_signal(signal.SIGKILL)
    before = Path("out/original/variant.json").read_bytes()
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    original, small = json.loads(done.stdout)["rows"]
    assert Path("out/original/variant.json").read_bytes() == before
    assert small["engine"] == original["engine"] == "llamacpp"
    assert small["kl_nats_per_token"] < 0.05
    assert small["peak_bytes"] > small["bytes"] > original["bytes"]
    assert small["decode_tokens_per_second"] > 0
    assert small["change"]["problems"] == 2
    assert not list(Path("out").glob(".*unfinished*"))
