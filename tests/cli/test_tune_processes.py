"""`lathe tune` started as several processes: one speaks, and the losses are those of one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from codelathe.cli import run
from codelathe.core.errors import EngineError

RECIPE = (
    "[data]\nfiles = ['rows.jsonl']\nagainst = []\nvalidation = 0.0\ntest = 0.0\nnear = 0\n"
    "packing = false\nmax_length = 96\n[train]\nrows = 4\nsteps = 4\nprecision = 'float32'\n"
)


@pytest.fixture
def model() -> str:
    pytest.importorskip("trl", reason="the extra 'train' is not installed")
    from fakes import checkpoints

    rows = [{"prompt": f"add {n}", "completion": f"def f():\n    return {n}\n"} for n in range(8)]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("recipe.toml").write_text(RECIPE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return str(checkpoints.save(Path("tiny"), "qwen2", initializer_range=0.05).absolute())


def losses(folder: str) -> list[float]:
    rows = map(json.loads, Path(folder, "metrics.jsonl").read_text().splitlines())
    return [row["loss"] for row in rows]


def test_of_two_processes_one_answers_and_the_losses_are_those_of_one(model: str) -> None:
    verb = ["tune", "recipe.toml", "--model", model, "--quiet"]
    several = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--nproc_per_node", "2",
         "-m", "codelathe", *verb, "--out", "two", "--json"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert several.returncode == 0, several.stderr[-2000:]
    said: dict[str, Any] = json.loads(several.stdout)
    assert said["steps"] == 4
    assert run([*verb, "--out", "one"]) == 0
    assert losses("two") == pytest.approx(losses("one"), abs=2e-4)


def test_of_several_processes_only_the_first_has_an_error_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    assert run(["tune", "absent.toml", "--json"]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert "cannot read absent.toml" in said.err


def test_a_process_that_is_left_alone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    from codelathe.training.tuning._torch_told import told_of_others

    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(EngineError, match="another process"), told_of_others():
        raise RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer")
    with pytest.raises(RuntimeError, match="shapes"), told_of_others():
        raise RuntimeError("shapes do not fit")
