"""A run in this process: set up, go on or begin, learn, keep, and leave the result."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate import PartialState
from accelerate.utils import reduce

from codelathe.core.disk import make_durable
from codelathe.core.errors import InputError
from codelathe.core.fresh import peak_memory
from codelathe.core.lineage import read_lineage, write_lineage
from codelathe.core.opened import OpenedModel
from codelathe.training.recipe import Recipe, override
from codelathe.training.tuning import _torch_attention as attention
from codelathe.training.tuning import folder as runs
from codelathe.training.tuning._torch_isolation import choose_layout
from codelathe.training.tuning._torch_model import Learner, make_learner
from codelathe.training.tuning._torch_place import choose_precision, require_memory
from codelathe.training.tuning._torch_told import quiet, told_of_memory, told_of_others
from codelathe.training.tuning._torch_trainer import (
    Course,
    Hooks,
    NotFinite,
    Tuner,
    Work,
    arguments,
)
from codelathe.training.tuning._torch_weights import save_weights
from codelathe.training.tuning.batches import Line, lay_out
from codelathe.training.tuning.card import write_card
from codelathe.training.tuning.listening import Listener, Standing
from codelathe.training.tuning.metrics import Metrics, draw, read_metrics, write_events
from codelathe.training.tuning.result import Tuned, TuningStopped
from codelathe.training.tuning.tuning import Parts, identify, lineage_of

_TENTH = 10
_FEW = 20
"""Fewer steps than this hardly teach anything."""


def run(start: OpenedModel, parts: Parts, recipe: Recipe, out: Path, listener: Listener) -> Tuned:
    """As `tuning.tune`, which holds the folder."""
    state = PartialState(cpu=start.device == "cpu")  # the first one decides for all
    if state.is_main_process:
        identity = identify(recipe, start.sha256, parts, start.adapter)
        runs.claim(out, identity.document())
        runs.clear_halves(out)
    with told_of_others():
        state.wait_for_everyone()
    recipe = override(recipe, train={"precision": choose_precision(recipe)})
    with quiet(), told_of_others(), told_of_memory(recipe):
        return _Run(start, recipe, out, listener).whole(parts)


@dataclass(slots=True)
class _Plan:
    lines: list[Line]
    validation: list[Line]
    steps: int


class _Run:
    """What one run holds together."""

    def __init__(self, start: OpenedModel, recipe: Recipe, out: Path, listener: Listener) -> None:
        self._start, self._recipe, self._out, self._listener = start, recipe, out, listener
        self._learner: Learner = make_learner(start, recipe)
        self._asked = False  # this process was asked to stop
        self._stopped = False  # all of them stop
        self._began = (0, time.monotonic())  # this process: its first step, and when

    def whole(self, parts: Parts) -> Tuned:
        """From the first step, or the last checkpoint, to the result."""
        state = PartialState()
        layout = self._layout(self._learner)
        plan = self._plan(parts, packing=self._recipe.data.packing and layout != "padded")
        kept = runs.checkpoints(self._out)
        last = kept[max(kept)] if kept else None
        course = Course.read(last) if last else Course()
        work = Work(plan.lines, plan.validation, layout, plan.steps, _pad(self._start), course)
        metrics = Metrics(self._out, course.step) if state.is_main_process else None
        hooks = Hooks(
            row=lambda row: self._heard(row, tuner, metrics),
            save=self._save,
            stop=self._asked_to_stop,
        )
        args = arguments(
            self._recipe, self._out, plan.steps, state.num_processes, cpu=state.device.type == "cpu"
        )
        tuner = Tuner(self._learner, self._start.tokenizer, work, args, hooks)
        try:
            self._learn(tuner, last)
        except NotFinite as error:
            raise self._stop(error, tuner.course.step) from None
        finally:
            attention.set_documents(())
            if metrics is not None:
                metrics.close()
                self._draw()
        if self._asked or self._stopped:
            raise KeyboardInterrupt
        return self._finish(tuner)

    def _layout(self, learner: Learner) -> Any:
        layout = choose_layout(learner.base)
        if layout == "padded":
            self._listener.say(
                f"{learner.base.config.model_type} lets documents in one row see each other: rows "
                "are single documents and padded, which is slower"
            )
        return layout

    def _plan(self, parts: Parts, *, packing: bool) -> _Plan:
        train, length = self._recipe.train, self._recipe.data.max_length
        lines = lay_out(parts.train.documents, length, packing=packing)
        if len(lines) < train.rows:
            self._listener.say(
                f"{len(parts.train.documents)} documents fill {len(lines)} rows, fewer than the "
                f"{train.rows} of a step: every step is all of the data"
            )
        world = PartialState().num_processes
        if train.rows % (train.accumulate * world) or len(lines) < world:
            raise InputError(
                f"{min(train.rows, len(lines))} rows a step cannot be shared by {world} processes "
                f"in {train.accumulate} parts each",
                hint=f"train.rows = {train.accumulate * world * 2}, or fewer processes",
                field="train.rows",
            )
        each = math.ceil(len(lines) / train.rows)
        steps = train.steps or math.ceil(train.epochs * each)
        if packing and train.steps is None and steps < _FEW:
            self._listener.say(
                f"{len(parts.train.documents):,} documents are packed into {len(lines)} rows: "
                f"{steps} steps in all. For more, smaller ones: data.packing = false, or a lower "
                "train.rows"
            )
        validation = lay_out(parts.validation.documents, length, packing=packing)
        share = train.rows // train.accumulate // world
        longest = sum(sorted((len(line.ids) for line in lines), reverse=True)[:share])
        require_memory(self._learner.base, self._learner.trainable, self._recipe, longest)
        return _Plan(lines, validation, steps)

    def _learn(self, tuner: Tuner, last: Path | None) -> None:
        self._began = (tuner.course.step, time.monotonic())
        if last is None and tuner.work.validation:
            tuner.evaluate()
        if tuner.course.step < tuner.work.steps:
            with self._interruptible():
                tuner.train(resume_from_checkpoint=str(last) if last else None)
        elif last is not None:
            tuner._load_from_checkpoint(str(last))  # noqa: SLF001 (our own class)
        if not self._stopped:
            self._learner.zeros.require()

    def _heard(self, row: dict[str, Any], tuner: Tuner, metrics: Metrics | None) -> None:
        if metrics is None:
            return
        metrics.add(row)
        if "loss" not in row:
            return
        course, steps = tuner.course, tuner.work.steps
        rate = course.tokens / course.seconds if course.seconds else 0.0
        first, began = self._began
        each = (time.monotonic() - began) / max(1, course.step - first)
        left = (steps - course.step) * each
        self._listener.hear(
            Standing(course.step, steps, row["loss"], course.validation, rate, left)
        )

    def _asked_to_stop(self) -> bool:
        """Whether the run ends after this step: where one process was asked, all of them do."""
        state = PartialState()
        self._stopped = self._asked
        if state.num_processes > 1:
            # Apart from what was asked: a signal that comes while the others are waited for counts.
            asked = torch.tensor(float(self._asked), device=state.device)
            self._stopped = bool(reduce(asked, "sum"))
        return self._stopped

    def _save(self, tuner: Tuner) -> None:
        """A checkpoint that is whole on the disk, or not there; then older ones go."""
        state = PartialState()
        target = runs.checkpoint_folder(self._out, tuner.course.step)
        if state.is_main_process:  # a run that goes on from it needs the rows up to it
            with runs.disk_errors(target):
                make_durable(self._out / runs.METRICS)
        if state.num_processes > 1:
            self._save_by_all(tuner, target)
        else:
            with runs.whole_folder(target) as fresh:
                self._write(fresh)
                tuner.write_state(fresh)
        if state.is_main_process:
            kept = tuner.course.kept
            runs.prune(
                self._out,
                self._recipe.train.keep,
                kept.step if kept else None,
                runs.remove_checkpoint,
            )

    def _save_by_all(self, tuner: Tuner, target: Path) -> None:
        """Each process has random numbers of its own, which the first one waits for."""
        state = PartialState()
        aside = target.with_name(f"{target.name}.all.new")
        with runs.disk_errors(aside):
            aside.mkdir(parents=True, exist_ok=True)
            if not state.is_main_process:
                tuner.write_state(aside)
        state.wait_for_everyone()
        if state.is_main_process:
            with runs.whole_folder(target) as fresh:
                self._write(fresh)
                tuner.write_state(fresh)
                for path in aside.iterdir():
                    path.rename(fresh / path.name)
                aside.rmdir()
        state.wait_for_everyone()

    def _write(self, folder: Path) -> None:
        """The weights as a model that can be used."""
        save_weights(self._learner, folder)
        self._describe(folder)

    def _describe(self, folder: Path) -> None:
        kind = "adapter" if self._learner.adapter else "checkpoint"
        details: dict[str, Any] = {}
        if self._learner.base_sparsity:
            details["base_sparsity"] = round(self._learner.base_sparsity, 6)
        if kind == "checkpoint" and (pruning := self._pruning()):
            details["pruning"] = pruning
        write_lineage(folder, lineage_of(self._start, self._recipe, kind, details))
        if kind == "checkpoint" or not self._start.path.is_dir() or self._start.adapter:
            self._start.tokenizer.save_pretrained(folder)

    def _pruning(self) -> dict[str, Any]:
        """What is known of the pruning of weights that were tuned whole."""
        before = read_lineage(self._start.path) if self._start.path.is_dir() else None
        if before is not None and before.details.get("pruning"):
            return dict(before.details["pruning"])
        zeros = self._learner.zeros
        return {"sparsity": round(zeros.sparsity, 6)} if zeros.masks else {}

    def _finish(self, tuner: Tuner) -> Tuned:
        state = PartialState()
        tuned = self._result(tuner.course)
        if not state.is_main_process:
            return tuned
        with runs.disk_errors(self._out):
            save_weights(self._learner, self._out, _stored(self._start))
            self._describe(self._out)
            write_card(self._out, self._start.base, self._recipe, tuned)
            found = runs.read_run(self._out) or {}
            runs.write_json(self._out / runs.RUN, {**found, "result": tuned.document()})
        return tuned

    def _result(self, course: Course) -> Tuned:
        losses = [row["loss"] for row in read_metrics(self._out) if "loss" in row]
        last = losses[-max(1, len(losses) // _TENTH) :]
        cuda = torch.cuda.is_available()
        return Tuned(
            path=str(self._out),
            kind="adapter" if self._learner.adapter else "checkpoint",
            steps=course.step,
            loss=sum(last) / len(last),
            validation_before=course.validation_before,
            validation=course.validation,
            best=course.best,
            tokens=course.tokens,
            supervised=course.supervised,
            seconds=round(course.seconds, 3),
            peak_memory=torch.cuda.max_memory_allocated() if cuda else peak_memory(),
        )

    def _draw(self) -> None:
        rows = read_metrics(self._out)
        with runs.disk_errors(self._out):
            name = Path(self._start.base).name or "from scratch"
            draw(self._out, f"{name}, {self._recipe.method.name}")
            write_events(self._out / "tensorboard", rows)

    def _stop(self, error: NotFinite, step: int) -> TuningStopped:
        kept = runs.checkpoints(self._out)
        if not step:
            told = "nothing was learned yet: the weights that it began with give no number"
            return TuningStopped(f"{error}: stopped there", hint=f"name another model; {told}")
        hint = "lower train.learning_rate, or look at the data; nothing is kept yet"
        if kept:
            step = max(kept)
            name = f"adapter:{kept[step]}" if self._learner.adapter else str(kept[step])
            hint = f"the last good state is {name}; lower train.learning_rate, into another --out"
        return TuningStopped(f"{error}: stopped there", hint=hint)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """The first Ctrl-C ends the run after its step; a second one at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, frame: Any) -> None:  # noqa: ARG001
            if self._asked:
                raise KeyboardInterrupt
            self._asked = True
            self._listener.say("stopping after this step; what is done is kept")

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _pad(start: OpenedModel) -> int:
    pad = start.tokenizer.pad_token_id
    return pad if pad is not None else (start.tokenizer.eos_token_id or 0)


def _stored(start: OpenedModel) -> Any:
    """What a whole model is saved in: 16 bits where its files had no more."""
    if not start.base:  # from scratch
        return torch.float32
    if start.path.is_file():
        return torch.bfloat16
    config = transformers.AutoConfig.from_pretrained(start.path, local_files_only=True)
    stored = getattr(config, "dtype", None)
    return stored if stored in (torch.bfloat16, torch.float16) else torch.float32
