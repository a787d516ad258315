"""A run that several processes share: the losses of one, and a stop that all of them make."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codelathe.training.tuning import Silence, _torch_run, tune
from codelathe.training.tuning.folder import checkpoints
from training.tuning.conftest import RECIPE, Opened, losses, parts, with_train

#: The first process alone is interrupted, at the step that the environment names.
PROGRAM = f"""
import os, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
import torch, transformers
from training.tuning.conftest import RECIPE, Opened, parts, with_train
from training.tuning.test_tuning import Ear, interrupt
from codelathe.training.tuning import tune
torch.set_num_threads(1)
path, out, at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
tokenizer = transformers.AutoTokenizer.from_pretrained(path)
recipe = with_train(RECIPE, accumulate=2)
try:
    tune(Opened(model, tokenizer, path, str(path)), parts(), recipe, out, Ear(at, interrupt))
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture
def shared(folder: Callable[..., Path], tmp_path: Path) -> Callable[[int], int]:
    """Two processes that are interrupted at a step, 0 for none; the exit code."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)

    def run(at: int) -> int:
        command = [
            sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--nproc_per_node", "2",
            str(program), str(folder()), str(tmp_path / "two"), str(at),
        ]  # fmt: skip
        log = tmp_path / "log"
        with log.open("w") as file:
            several = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        try:
            code = several.wait(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(several.pid, signal.SIGKILL)
            several.wait()
            pytest.fail(f"they wait for each other: {log.read_text()[-1000:]}")
        assert code == 0 or ": 130" in log.read_text(), log.read_text()[-2000:]
        return code

    return run


def test_processes_of_which_one_is_interrupted_stop_together_and_go_on_to_the_losses_of_one(
    shared: Callable[[int], int], opened: Callable[..., Opened], tmp_path: Path
) -> None:
    assert shared(3)
    kept = max(checkpoints(tmp_path / "two"))
    assert 3 <= kept < 6
    assert shared(0) == 0
    tune(opened(), parts(), with_train(RECIPE, accumulate=2), tmp_path / "one")
    for (_, one), (_, two) in zip(losses(tmp_path / "one"), losses(tmp_path / "two"), strict=True):
        assert one == pytest.approx(two, abs=2e-4)


def test_a_stop_that_is_asked_for_while_processes_agree_is_not_forgotten(
    opened: Callable[..., Opened], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _torch_run._Run(opened(), RECIPE, tmp_path, Silence())

    def interrupted(asked: Any, _: str) -> Any:
        signal.raise_signal(signal.SIGINT)
        return asked

    monkeypatch.setattr(
        _torch_run, "PartialState", lambda: SimpleNamespace(num_processes=2, device="cpu")
    )
    monkeypatch.setattr(_torch_run, "reduce", interrupted)
    with run._interruptible():
        assert not run._asked_to_stop()  # the others have not heard of it yet
        monkeypatch.setattr(_torch_run, "reduce", lambda asked, _: asked)
        assert run._asked_to_stop()
