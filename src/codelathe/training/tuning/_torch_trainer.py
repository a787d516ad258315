"""TRL's SFTTrainer, given our documents, our loss, and checkpoints that survive anything.

What is kept of it: the loop, the optimizer and its schedule, the order of the data, gradient
accumulation and clipping, several processes by accelerate. What is ours: rows whose documents do
not see each other, the loss at counted positions only, the validation loss (a mean over tokens,
not over batches), what is told and written, and checkpoints.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MethodType
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from codelathe.training.recipe import Recipe
from codelathe.training.tuning import _torch_attention as attention
from codelathe.training.tuning._torch_isolation import Layout
from codelathe.training.tuning._torch_loss import counted_loss, is_plain_head
from codelathe.training.tuning._torch_model import Learner
from codelathe.training.tuning._torch_weights import load_weights
from codelathe.training.tuning.batches import IGNORED, Line, columns, in_batches
from codelathe.training.tuning.result import Best

COURSE = "course.json"


@dataclass(slots=True)
class Course:
    """How a run has gone so far; kept in each checkpoint. `seconds` is the time of steps.

    `best` has the lowest validation loss of all steps, `kept` that of those with a checkpoint.
    """

    step: int = 0
    tokens: int = 0
    supervised: int = 0
    seconds: float = 0.0
    validation_before: float | None = None
    validation: float | None = None
    best: Best | None = None
    kept: Best | None = None

    def write(self, folder: Path) -> None:
        """Write it into a checkpoint."""
        (folder / COURSE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @staticmethod
    def read(folder: Path) -> Course:
        """What a checkpoint says of the run up to it."""
        document = json.loads((folder / COURSE).read_text(encoding="utf-8"))
        best, kept = (document.pop(name, None) for name in ("best", "kept"))
        return Course(
            best=Best(**best) if best else None, kept=Best(**kept) if kept else None, **document
        )


class NotFinite(Exception):
    """A loss or a gradient is not a finite number; the step was not made."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the trainer calls: with a row of metrics, and to write a checkpoint."""

    row: Callable[[dict[str, Any]], None]
    save: Callable[[Any], None]
    stop: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Work:
    """What is learned from, and how rows are given to the model."""

    train: Sequence[Line]
    validation: Sequence[Line]
    layout: Layout
    steps: int
    pad: int = 0
    course: Course = field(default_factory=Course)


class Tuner(SFTTrainer):  # type: ignore[misc]  # the package has no types
    """The trainer of one run."""

    loss_is_scaled_for_ga = True
    control: Any

    def __init__(
        self, learner: Learner, tokenizer: Any, work: Work, args: SFTConfig, hooks: Hooks
    ) -> None:
        kept = {n: p.data for n, p in learner.model.named_parameters() if p.requires_grad}
        self.work, self.hooks, self.course, self._learner = work, hooks, work.course, learner
        self._row: dict[str, Any] = {}
        super().__init__(
            model=learner.model,
            args=args,
            data_collator=self._collate,
            train_dataset=Dataset.from_dict(columns(work.train)),
            processing_class=tokenizer,
            callbacks=[_Flow(self)],
        )
        self.remove_callback(PrinterCallback)
        # Beside quantized weights TRL rounds adapters to 16 bits, in which small steps are lost.
        for name, weight in learner.model.named_parameters():
            if name in kept and weight.dtype != kept[name].dtype:
                weight.data = kept[name]
        _give_loss(learner.base)

    def _send_telemetry(self) -> None:
        """Nothing is sent anywhere."""

    def _collate(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        lines = [Line(r["input_ids"], r["labels"], r["seq_lengths"]) for r in rows]
        return collate(lines, self.work.layout, self.work.pad)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: Any) -> Any:
        count = sum(int((batch["labels"] != IGNORED).sum()) for batch in batch_samples)
        tokens = sum(batch["labels"].numel() - batch["blank"] for batch in batch_samples)
        counts = torch.tensor([count, tokens], device=device)
        counts = self.accelerator.reduce(counts, "sum")
        self._row |= {"supervised": int(counts[0]), "tokens": int(counts[1])}
        return counts[0]

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The step's share of the summed loss, divided by all that the step counts."""
        loss = _nll(model, inputs) / num_items_in_batch.clamp(min=1)
        loss = loss * self.accelerator.num_processes  # gradients are averaged over them
        return (loss, None) if return_outputs else loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm)
        value = float(norm)
        # In float16 the first steps may overflow: their scale is lowered, and they are left out.
        if not math.isfinite(value) and self.accelerator.scaler is None:
            raise NotFinite(f"the gradient of step {self.state.global_step + 1} is {value}")
        return norm

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The validation loss: the mean over all counted tokens of the validation rows."""
        self.model.eval()
        mine = self.work.validation[
            self.accelerator.process_index :: self.accelerator.num_processes
        ]
        total = torch.zeros(2, dtype=torch.float64, device=self.accelerator.device)
        for lines in in_batches(mine, self.args.max_tokens_in_validation):
            batch = self._prepare_inputs(collate(lines, self.work.layout, self.work.pad))
            with torch.no_grad(), self.accelerator.autocast():
                total[0] += _nll(self.model, batch).double()
            total[1] += (batch["labels"] != IGNORED).sum()
        total = self.accelerator.reduce(total, "sum")
        loss = float(total[0] / total[1])
        self._note_validation(loss)
        metrics = {"eval_loss": loss}
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _note_validation(self, loss: float) -> None:
        step = self.state.global_step
        if not math.isfinite(loss):
            raise NotFinite(f"the validation loss after step {step} is {loss}")
        course = self.course
        course.validation = loss
        if step == 0:
            course.validation_before = loss
        else:
            course.best = _lower(course.best, Best(step, loss))
            if self.control.should_save:  # which comes next
                course.kept = _lower(course.kept, Best(step, loss))
        self.hooks.row({"step": step, "validation_loss": loss})

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:  # noqa: ARG002
        """Take what is known of a step; all else that the loop logs is left out."""
        if "loss" in logs:
            course = self.course
            row = {
                "step": course.step,
                "loss": logs["loss"],
                "gradient": logs["grad_norm"],
                "learning_rate": logs["learning_rate"],
                "tokens": course.tokens,
                "supervised": course.supervised,
                "seconds": round(course.seconds, 3),
            }
            if not math.isfinite(row["loss"]):
                raise NotFinite(f"the loss of step {course.step} is {row['loss']}")
            self.hooks.row(row)
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, logs)

    def count_step(self, seconds: float) -> None:
        """Add a step that is done to the course."""
        self._learner.zeros.hold()
        course = self.course
        course.step = self.state.global_step
        course.tokens += self._row.get("tokens", 0)
        course.supervised += self._row.get("supervised", 0)
        course.seconds += seconds

    def _save_checkpoint(self, model: Any, trial: Any) -> None:  # noqa: ARG002
        self.hooks.save(self)

    def write_state(self, folder: Path) -> None:
        """Write all but the weights: optimizer, schedule, random numbers, where in the data."""
        self._save_optimizer_and_scheduler(str(folder))
        self._save_scaler(str(folder))
        self._save_rng_state(str(folder))
        if self.args.should_save:
            self.state.save_to_json(str(folder / "trainer_state.json"))
            self.course.write(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:  # noqa: ARG002
        load_weights(self._learner, Path(resume_from_checkpoint))


def _lower(best: Best | None, now: Best) -> Best:
    return now if best is None or now.validation < best.validation else best


class _Flow(TrainerCallback):  # type: ignore[misc]
    """When to log, validate, save and stop; and how long steps take."""

    def __init__(self, tuner: Tuner) -> None:
        self._tuner = tuner
        self._began = 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        self._began = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._tuner.count_step(time.monotonic() - self._began)
        last = state.global_step >= state.max_steps
        stop = self._tuner.hooks.stop()
        control.should_log = True
        control.should_evaluate = bool(self._tuner.work.validation) and (
            last or state.global_step % args.eval_steps == 0
        )
        control.should_save = last or stop or state.global_step % args.save_steps == 0
        control.should_training_stop = last or stop


@dataclass
class Arguments(SFTConfig):  # type: ignore[misc]
    """What TRL is told, and how many tokens are validated at a time."""

    max_tokens_in_validation: int = 4096

    def __post_init__(self) -> None:
        super().__post_init__()
        # What `accelerate config` has asked for else goes over the recipe.
        self.mixed_precision = "fp16" if self.fp16 else "bf16" if self.bf16 else "no"


def arguments(recipe: Recipe, out: Path, steps: int, world: int, *, cpu: bool) -> Arguments:
    """TRL's settings for a recipe. Nothing is reported, pushed or drawn by it."""
    train = recipe.train
    full = recipe.method.name == "full"
    return Arguments(
        output_dir=str(out),
        per_device_train_batch_size=train.rows // train.accumulate // world,
        gradient_accumulation_steps=train.accumulate,
        max_steps=steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="constant_with_warmup"
        if train.schedule == "constant"
        else train.schedule,
        warmup_steps=round(train.warmup * steps),
        weight_decay=train.weight_decay,
        max_grad_norm=train.clip,
        seed=train.seed,
        data_seed=train.seed,
        bf16=full and train.precision == "bfloat16",
        fp16=train.precision == "float16",
        gradient_checkpointing=train.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        eval_strategy="no",
        eval_steps=train.evaluate_every,
        save_strategy="no",
        save_steps=train.save_every,
        logging_strategy="no",
        logging_nan_inf_filter=False,
        ddp_find_unused_parameters=False,
        log_level="error",
        log_level_replica="error",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=not cpu,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        use_cpu=cpu,
        max_tokens_in_validation=max(4096, recipe.data.max_length),
    )


def collate(lines: Sequence[Line], layout: Layout, pad: int) -> dict[str, Any]:
    """Rows as tensors: end to end in one row, or padded on the right where they must be apart.

    `blank` counts the padding, `lengths` the documents' tokens in order.
    """
    lengths = [length for line in lines for length in line.lengths]
    if layout != "padded":
        ids = torch.tensor([token for line in lines for token in line.ids])
        labels = torch.tensor([label for line in lines for label in line.labels])
        places = torch.cat([torch.arange(length) for length in lengths])
        row = {"input_ids": ids, "labels": labels, "position_ids": places}
        return {name: one.unsqueeze(0) for name, one in row.items()} | {
            "lengths": lengths if layout == "documents" else [],
            "blank": 0,
        }
    longest = max(len(line.ids) for line in lines)
    shape = (len(lines), longest)
    ids, labels = torch.full(shape, pad), torch.full(shape, IGNORED)
    mask = torch.zeros(shape, dtype=torch.long)
    for number, line in enumerate(lines):
        size = len(line.ids)
        ids[number, :size] = torch.tensor(line.ids)
        labels[number, :size] = torch.tensor(line.labels)
        mask[number, :size] = 1
    blank = int(mask.numel() - mask.sum())
    return {
        "input_ids": ids, "labels": labels, "attention_mask": mask, "lengths": [], "blank": blank,
    }  # fmt: skip


def _nll(model: Any, batch: dict[str, Any]) -> Any:
    """The summed loss of a batch, in nats."""
    given = {k: v for k, v in batch.items() if k not in ("labels", "lengths", "blank")}
    attention.set_documents(batch["lengths"])
    return model(**given, use_cache=False, counted=batch["labels"])


def _give_loss(base: Any) -> None:
    """Let `base`, when it is given `counted` labels, answer with their summed loss.

    It goes through the model's own forward, and so through whatever wraps it for several devices.
    """
    usual, plain = base.forward, is_plain_head(base)

    def forward(self: Any, *args: Any, counted: Any = None, **kwargs: Any) -> Any:
        if counted is None:
            return usual(*args, **kwargs)
        kwargs = {name: value for name, value in kwargs.items() if value is not None}  # PEFT's
        if not plain:  # TRL's own knows what some heads do to their logits
            outputs = usual(*args, labels=counted, fused_lm_head=True, **kwargs)
            return -outputs.log_probs.float().sum()
        hidden = self.base_model(*args, **kwargs).last_hidden_state
        return counted_loss(hidden, self.get_output_embeddings(), counted)

    base.forward = MethodType(forward, base)
