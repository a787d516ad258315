"""A run from documents to a result: what it leaves, how it goes on, what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from codelathe.core.errors import DiskFull, EngineError, InUse, UsageError
from codelathe.core.lineage import read_lineage
from codelathe.core.modelref import ModelRef, parse_model_ref
from codelathe.training.recipe import MethodPart
from codelathe.training.tuning import Standing, Tuned, TuningStopped, _torch_run, tune
from codelathe.training.tuning.batches import lay_out
from codelathe.training.tuning.folder import checkpoints, disk_errors, held
from codelathe.training.tuning.metrics import draw, read_metrics
from training.tuning.conftest import RECIPE, Opened, documents, losses, parts, with_train

Open = Callable[..., Opened]


class Ear:
    """Hears a run, and does something at a step."""

    def __init__(self, at: int = 0, act: Callable[[], object] = lambda: None) -> None:
        self.heard: list[Standing] = []
        self.said: list[str] = []
        self._at, self._act = at, act

    def hear(self, now: Standing) -> None:
        self.heard.append(now)
        if now.step == self._at:
            self._act()

    def say(self, message: str) -> None:
        self.said.append(message)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_a_run_learns_and_leaves_an_adapter_with_its_origin(opened: Open, tmp_path: Path) -> None:
    out = tmp_path / "out"
    start = opened()
    tuned = tune(start, parts(), with_train(RECIPE, steps=30), out)
    assert tuned.validation is not None
    assert tuned.validation_before is not None
    assert tuned.validation < tuned.validation_before - 0.1
    assert (tuned.kind, tuned.ref, tuned.steps) == ("adapter", f"adapter:{out}", 30)
    lineage = read_lineage(out)
    assert lineage is not None
    assert (lineage.base, lineage.base_sha256) == (start.base, start.sha256)
    config = json.loads((out / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == start.base
    for name in ("adapter_model.safetensors", "README.md", "loss.png", "metrics.jsonl"):
        assert (out / name).stat().st_size > 100
    assert list((out / "tensorboard").glob("events.*"))


def test_tokens_told_are_those_of_documents(opened: Open, tmp_path: Path) -> None:
    recipe = with_train(RECIPE, steps=None, epochs=2.0)
    tuned = tune(opened(), parts(), recipe, tmp_path / "out")
    train = documents(20)
    assert tuned.tokens == 2 * sum(map(len, train))
    assert tuned.supervised == 2 * sum(document.supervised for document in train)


def test_a_stopped_run_goes_on_to_the_losses_of_one_that_was_not(
    opened: Open, tmp_path: Path
) -> None:
    recipe = replace(with_train(RECIPE, steps=9), method=MethodPart(r=4, alpha=8.0, dropout=0.3))
    whole = tune(opened(), parts(), recipe, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        tune(opened(), parts(), recipe, tmp_path / "parts", Ear(at=4, act=interrupt))
    assert len(losses(tmp_path / "parts")) < 9
    again = tune(opened(), parts(), recipe, tmp_path / "parts")
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert again.validation == whole.validation
    same = "adapter_model.safetensors"
    assert (tmp_path / "parts" / same).read_bytes() == (tmp_path / "whole" / same).read_bytes()


def test_a_killed_run_goes_on_from_its_last_whole_checkpoint(
    opened: Open, folder: Callable[..., Path], tmp_path: Path
) -> None:
    program = (
        "import os, signal, sys\n"
        f"sys.path[:0] = {sys.path!r}\n"
        "from pathlib import Path\n"
        "import torch, transformers\n"
        "from training.tuning.conftest import RECIPE, Opened, parts, with_train\n"
        "from training.tuning.test_tuning import Ear\n"
        "from codelathe.training.tuning import tune\n"
        f"torch.set_num_threads({torch.get_num_threads()})\n"
        f"path = Path({str(folder())!r})\n"
        "model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)\n"
        "tokenizer = transformers.AutoTokenizer.from_pretrained(path)\n"
        "die = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"tune(Opened(model, tokenizer, path, str(path)), parts(), with_train(RECIPE, steps=7),"
        f" Path({str(tmp_path / 'parts')!r}), Ear(at=5, act=die))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, timeout=300
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]
    half = tmp_path / "parts" / "checkpoints" / "step-00000006.new"
    half.mkdir()
    (half / "course.json").write_text("{")
    recipe = with_train(RECIPE, steps=7)
    tune(opened(), parts(), recipe, tmp_path / "parts")
    tune(opened(), parts(), recipe, tmp_path / "whole")
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert not half.exists()


def test_a_checkpoint_has_its_losses_on_the_disk_before_it_appears(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def durable(path: Path) -> None:
        steps = [row["step"] for row in read_metrics(path.parent) if "loss" in row]
        seen.append((path.name, steps[-1], max(checkpoints(tmp_path), default=0)))

    monkeypatch.setattr(_torch_run, "make_durable", durable)
    tune(opened(), parts(), RECIPE, tmp_path)
    assert seen == [("metrics.jsonl", 2, 0), ("metrics.jsonl", 4, 2), ("metrics.jsonl", 6, 4)]


def test_a_finished_run_is_answered_without_a_step(opened: Open, tmp_path: Path) -> None:
    first = tune(opened(), parts(), RECIPE, tmp_path)
    ear = Ear()
    assert tune(opened(), parts(), RECIPE, tmp_path, ear) == first
    assert not ear.heard


def test_another_recipe_or_other_data_in_the_folder_is_refused_with_what_differs(
    opened: Open, tmp_path: Path
) -> None:
    tune(opened(), parts(), RECIPE, tmp_path)
    with pytest.raises(UsageError, match=r"train\.learning_rate is 0\.005 there and 0\.1 here"):
        tune(opened(), parts(), with_train(RECIPE, learning_rate=0.1), tmp_path)
    with pytest.raises(UsageError, match="data_sha256"):
        tune(opened(), parts(19), RECIPE, tmp_path)
    with pytest.raises(UsageError, match="base_sha256"):
        tune(opened(sha256="0" * 64), parts(), RECIPE, tmp_path)


def test_a_run_that_was_refused_does_not_take_its_folder(opened: Open, tmp_path: Path) -> None:
    wrong = replace(RECIPE, method=MethodPart(targets=("nothing",)))
    with pytest.raises(UsageError, match="no modules named nothing"):
        tune(opened(), parts(), wrong, tmp_path)
    assert tune(opened(), parts(), RECIPE, tmp_path).steps == 6


def test_tied_weights_go_on_and_are_saved_once(opened: Open, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    recipe = replace(RECIPE, method=MethodPart(name="full"))
    tune(opened("gpt2"), parts(), recipe, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        tune(opened("gpt2"), parts(), recipe, tmp_path / "parts", Ear(at=3, act=interrupt))
    tune(opened("gpt2"), parts(), recipe, tmp_path / "parts")
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert "lm_head.weight" not in load_file(tmp_path / "parts" / "model.safetensors")


def test_another_adapter_under_the_same_name_is_another_run(opened: Open, tmp_path: Path) -> None:
    first = tmp_path / "first"
    tune(opened(), parts(), RECIPE, first)
    tune(opened(adapter=first), parts(), RECIPE, tmp_path / "more")
    shutil.rmtree(first)
    tune(opened(), parts(), with_train(RECIPE, seed=1), first)
    with pytest.raises(UsageError, match="adapter_sha256"):
        tune(opened(adapter=first), parts(), RECIPE, tmp_path / "more")


def test_a_folder_whose_first_file_was_being_written_is_taken(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "run.json.new").write_text("{")
    assert tune(opened(), parts(), with_train(RECIPE, steps=1), tmp_path).steps == 1


def test_a_result_that_was_moved_is_answered_where_it_is(opened: Open, tmp_path: Path) -> None:
    tune(opened(), parts(), with_train(RECIPE, steps=1), tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    again = tune(opened(), parts(), with_train(RECIPE, steps=1), tmp_path / "two")
    assert again.path == str(tmp_path / "two")


def test_a_second_process_of_a_run_that_is_done_waits_for_nobody(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tune(opened(), parts(), RECIPE, tmp_path)
    monkeypatch.setenv("RANK", "1")
    ear = Ear()
    untouched = (tmp_path / "adapter_model.safetensors").stat().st_mtime_ns
    assert tune(opened(), parts(), RECIPE, tmp_path, ear) == first
    assert (tmp_path / "adapter_model.safetensors").stat().st_mtime_ns == untouched


def test_processes_that_would_each_save_a_part_of_the_model_are_refused(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UsageError, match="FSDP"):
        tune(opened(), parts(), RECIPE, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_refused(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("...")
    with pytest.raises(UsageError, match="no tuning run"):
        tune(opened(), parts(), RECIPE, tmp_path)


def test_a_second_process_is_kept_out(opened: Open, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from pathlib import Path\n"
        "from codelathe.training.tuning.folder import held\n"
        "with held(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdin
    assert other.stdout
    try:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(InUse, match="another process"), held(tmp_path):
            pass
    finally:
        other.stdin.close()
        other.wait()
        other.stdout.close()


def test_a_loss_that_is_no_number_stops_at_the_last_good_state(
    opened: Open, tmp_path: Path
) -> None:
    start = opened()
    ear = Ear(at=4, act=lambda: _poison(start.model))
    with pytest.raises(TuningStopped, match="step 5 is nan") as stopped:
        tune(start, parts(), with_train(RECIPE, evaluate_every=99), tmp_path, ear)
    assert "step-00000002" in stopped.value.hint or "step-00000004" in stopped.value.hint
    assert max(checkpoints(tmp_path)) <= 4


def test_a_model_that_gives_no_number_from_the_beginning_is_told_as_such(
    opened: Open, tmp_path: Path
) -> None:
    start = opened()
    _poison(start.model)
    with pytest.raises(TuningStopped, match="step 0 is nan") as stopped:
        tune(start, parts(), RECIPE, tmp_path)
    assert "name another model" in stopped.value.hint


def test_a_loss_that_is_no_number_stops_also_where_gradients_are(
    opened: Open, tmp_path: Path
) -> None:
    start = opened()

    def poison() -> None:
        _poison(start.model)
        for weight in start.model.parameters():
            if weight.requires_grad:
                weight.register_hook(lambda gradient: torch.nan_to_num(gradient))

    with pytest.raises(TuningStopped, match="the loss of step 5 is nan"):
        tune(start, parts(), with_train(RECIPE, evaluate_every=99), tmp_path, Ear(4, poison))


def _poison(model: Any) -> None:
    weight = model.get_output_embeddings().weight
    weight.data[:] = float("nan")


def test_a_full_disk_keeps_the_checkpoint_before(opened: Open, tmp_path: Path) -> None:
    start = opened()

    def fill() -> None:
        def no_room(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        start.tokenizer.save_pretrained = no_room

    recipe = replace(RECIPE, method=MethodPart(name="full"))
    with pytest.raises(DiskFull):
        tune(start, parts(), recipe, tmp_path, Ear(at=3, act=fill))
    assert list(checkpoints(tmp_path)) == [2]
    assert not list((tmp_path / "checkpoints").glob("*.new"))
    tune(opened(), parts(), recipe, tmp_path)
    tune(opened(), parts(), recipe, tmp_path.parent / "whole")
    assert losses(tmp_path) == losses(tmp_path.parent / "whole")


def test_the_newest_checkpoints_and_the_best_are_kept(opened: Open, tmp_path: Path) -> None:
    recipe = with_train(RECIPE, steps=12, save_every=1, evaluate_every=1, keep=2)
    tuned = tune(opened(), parts(), recipe, tmp_path)
    assert tuned.best is not None
    assert set(checkpoints(tmp_path)) == {11, 12, tuned.best.step}


def test_the_best_checkpoint_is_kept_though_a_better_step_was_not_written(
    opened: Open, tmp_path: Path
) -> None:
    recipe = with_train(
        RECIPE, steps=16, rows=1, learning_rate=0.05, schedule="constant", save_every=3,
        evaluate_every=1, keep=1,
    )  # fmt: skip
    tuned = tune(opened(), parts(), recipe, tmp_path)
    measured = {r["step"]: r["validation_loss"] for r in read_metrics(tmp_path) if r["step"]
                if "validation_loss" in r}  # fmt: skip
    lowest = min(measured, key=lambda step: measured[step])
    assert tuned.best is not None
    assert (tuned.best.step, tuned.best.validation) == (lowest, measured[lowest])
    written = [step for step in measured if step % 3 == 0 or step == 16]
    best = min(written, key=lambda step: measured[step])
    assert lowest not in written, "the test is of nothing"
    assert best != 16, "the test is of nothing"
    assert set(checkpoints(tmp_path)) == {best, 16}


def test_a_run_in_parts_goes_on_across_the_end_of_an_epoch(opened: Open, tmp_path: Path) -> None:
    # 20 rows, 6 a step in 3 parts: the last step of an epoch is short, of one part.
    recipe = replace(
        with_train(RECIPE, steps=None, epochs=3.0, rows=6, accumulate=3, save_every=99),
        method=MethodPart(r=4, alpha=8.0, dropout=0.3),
    )
    whole = tune(opened(), parts(), recipe, tmp_path / "whole")
    assert whole.tokens == 3 * sum(map(len, documents(20)))
    for stop in (3, 4, 8):
        out = tmp_path / f"stopped-{stop}"
        with pytest.raises(KeyboardInterrupt):
            tune(opened(), parts(), recipe, out, Ear(at=stop, act=interrupt))
        tune(opened(), parts(), recipe, out)
        assert losses(out) == losses(tmp_path / "whole"), stop


def test_what_torch_says_of_a_full_disk_is_understood(tmp_path: Path) -> None:
    state = tmp_path / "optimizer.pt"
    state.symlink_to("/dev/full")
    for size in (10, 3_000_000):
        with pytest.raises(DiskFull), disk_errors(tmp_path):
            torch.save({"state": torch.zeros(size)}, state)


@pytest.mark.parametrize("name", ["m$^$", "a$b", "내 모델", "x_{"])
def test_any_name_can_stand_over_the_losses(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that the font lacks
        assert draw(tmp_path, name).stat().st_size > 100


@pytest.mark.parametrize(
    ("path", "ref"),
    [("runs/a", "runs/a"), ("mine", "./mine"), ("my:run", "./my:run"), ("hf:x", "./hf:x"),
     ("내 모델", "./내 모델"), ("../a", "../a")],
)  # fmt: skip
def test_the_reference_of_a_result_names_its_folder(path: str, ref: str) -> None:
    made = Tuned(path, "checkpoint", 1, 1.0, None, None, None, 1, 1, 1.0, 1)
    assert made.ref == ref
    assert parse_model_ref(made.ref) == ModelRef("path", ref)


def test_a_length_beyond_all_documents_takes_no_memory_for_it() -> None:
    made = documents(5)
    (line,) = lay_out(made, 1 << 60, packing=True)
    assert line.lengths == tuple(map(len, made))
    assert len(lay_out(made, 1 << 60, packing=False)) == 5
    assert lay_out((), 48, packing=True) == []


def test_fewer_rows_than_a_step_are_said(opened: Open, tmp_path: Path) -> None:
    ear = Ear()
    tuned = tune(opened(), parts(3), with_train(RECIPE, rows=8, steps=2), tmp_path, ear)
    assert any("fewer than the 8" in said for said in ear.said)
    assert tuned.tokens == 2 * sum(map(len, documents(3)))


def test_packing_that_leaves_few_steps_is_said(opened: Open, tmp_path: Path) -> None:
    ear = Ear()
    packed = replace(RECIPE, data=replace(RECIPE.data, packing=True))
    tune(opened(), parts(), with_train(packed, steps=None, epochs=1.0, rows=2), tmp_path, ear)
    assert any("data.packing = false" in said for said in ear.said)


def test_what_would_not_fit_in_memory_is_refused_with_what_to_lower(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codelathe.training.tuning import _torch_place

    monkeypatch.setattr(_torch_place, "_free", lambda: 1 << 20)
    with pytest.raises(EngineError, match="GB are free") as refused:
        tune(opened(), parts(), RECIPE, tmp_path)
    assert "train.accumulate = 4" in refused.value.hint


def test_running_out_of_memory_says_what_to_lower(opened: Open, tmp_path: Path) -> None:
    def full() -> None:
        raise MemoryError

    with pytest.raises(EngineError, match="too little memory") as stopped:
        tune(opened(), parts(), RECIPE, tmp_path, Ear(at=3, act=full))
    assert "train.gradient_checkpointing = true" in stopped.value.hint
    assert list(checkpoints(tmp_path)) == [2]


def test_a_step_in_parts_is_the_step(opened: Open, tmp_path: Path) -> None:
    tune(opened(), parts(), RECIPE, tmp_path / "one")
    tune(opened(), parts(), with_train(RECIPE, accumulate=4), tmp_path / "four")
    for (_, one), (_, four) in zip(
        losses(tmp_path / "one"), losses(tmp_path / "four"), strict=True
    ):
        assert one == pytest.approx(four, abs=2e-4)


def test_computing_twice_changes_no_loss(opened: Open, tmp_path: Path) -> None:
    tune(opened(), parts(), RECIPE, tmp_path / "once")
    tune(opened(), parts(), with_train(RECIPE, gradient_checkpointing=True), tmp_path / "twice")
    assert losses(tmp_path / "once") == losses(tmp_path / "twice")
