"""The loop that an encoder-decoder learns by: teacher forcing, Adam, checkpoints.

Cross-entropy of each target token, given the source and the right target tokens before it. A
step's loss is the mean over its target tokens, in however many parts it is computed. What is
drawn (order, dropout) hangs on the seed and the step alone, so a run that goes on from a
checkpoint has the losses of one that was never stopped.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from codelathe.training.recipe import Recipe
from codelathe.training.scratch.batches import epoch_batches, steps_of
from codelathe.training.scratch.pairs import Pairs, TokenPair
from codelathe.training.tuning.folder import (
    checkpoint_folder,
    checkpoints,
    prune,
    remove_checkpoint,
    whole_folder,
)
from codelathe.training.tuning.listening import Listener, Standing
from codelathe.training.tuning.metrics import Metrics
from codelathe.training.tuning.result import Best, TuningStopped

#: What the loss does not count, as `torch.nn.functional.cross_entropy` has it.
IGNORED = -100
_STATE = "state.pt"
#: Pairs in a pass that computes no gradient.
_READ = 32


@dataclass(frozen=True, slots=True)
class PairRun:
    """What is learned from, by what, and where it is kept.

    `save` writes the model, its tokenizer and its lineage into a folder.
    """

    model: Any
    train: Pairs
    validation: Pairs
    recipe: Recipe
    folder: Path
    save: Callable[[Path], None]

    @property
    def steps(self) -> int:
        """How many steps the recipe asks for."""
        train = self.recipe.train
        return train.steps or steps_of(len(self.train.pairs), train.rows, train.epochs)


@dataclass(slots=True)
class State:
    """Where a run stands; kept with each checkpoint.

    `losses` are of each step, `validations` of the steps at which they were measured; step 0 is
    before the first. `tokens` counts what was read and written, `supervised` targets alone.
    """

    step: int = 0
    losses: list[float] = field(default_factory=list)
    validations: dict[int, float] = field(default_factory=dict)
    tokens: int = 0
    supervised: int = 0
    seconds: float = 0.0

    @property
    def validation(self) -> float | None:
        """The last validation loss."""
        return next(reversed(self.validations.values()), None)

    def best(self, steps: Sequence[int]) -> Best | None:
        """The step of these with the lowest validation loss, the earliest of several."""
        measured = [(self.validations[step], step) for step in steps if step in self.validations]
        return Best(min(measured)[1], min(measured)[0]) if measured else None


def train_pairs(run: PairRun, listener: Listener) -> State:
    """Train, from the newest checkpoint where there is one.

    Raises:
        TuningStopped: the loss is no number any more; the last checkpoint is kept.
        DiskFull: a checkpoint has no room; those before it are kept.
    """
    return _Loop(run, listener).run()


class _Loop:
    def __init__(self, run: PairRun, listener: Listener) -> None:
        self._run, self._listener = run, listener
        self._train = run.recipe.train
        self._optimizer = torch.optim.AdamW(
            run.model.parameters(),
            lr=run.recipe.learning_rate,
            weight_decay=self._train.weight_decay,
        )
        self._epoch: tuple[int, list[tuple[int, ...]]] = (-1, [])

    def run(self) -> State:
        torch.manual_seed(self._train.seed)
        state = self._resumed() or State()
        with closing(Metrics(self._run.folder, state.step)) as metrics:
            if not state.step:
                self._measure(state, metrics)
            with _interruptible(self._listener) as stopped:
                while state.step < self._run.steps:
                    metrics.add(self._step(state))
                    last = state.step == self._run.steps
                    if last or state.step % self._train.evaluate_every == 0:
                        self._measure(state, metrics)
                    self._tell(state)
                    if last or stopped() or state.step % self._train.save_every == 0:
                        self._save(state)
                    if stopped() and not last:
                        raise KeyboardInterrupt
        self._run.model.eval()
        return state

    def _step(self, state: State) -> dict[str, Any]:
        """One update of the weights; its row of the metrics."""
        began = time.monotonic()
        pairs = self._batch(state.step)
        written = sum(len(pair.target) for pair in pairs)
        read = sum(len(pair.source) for pair in pairs)
        rate = self._run.recipe.learning_rate * self._factor(state.step)
        self._run.model.train()
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        size = math.ceil(len(pairs) / self._train.accumulate)
        for part in (pairs[at : at + size] for at in range(0, len(pairs), size)):
            share = sum(len(pair.target) for pair in part) / written
            with self._computing():
                found = self._loss(part) * share
            found.backward()
            loss += found.item()
        longest = self._train.clip or math.inf
        gradient = torch.nn.utils.clip_grad_norm_(self._run.model.parameters(), longest).item()
        if not (math.isfinite(loss) and math.isfinite(gradient)):
            raise self._stopped(state.step + 1, loss if not math.isfinite(loss) else gradient)
        self._optimizer.step()
        state.step += 1
        state.losses.append(loss)
        state.tokens += read + written
        state.supervised += written
        state.seconds += time.monotonic() - began
        return {
            "step": state.step, "loss": loss, "gradient": gradient, "learning_rate": rate,
            "tokens": state.tokens, "supervised": state.supervised,
            "seconds": round(state.seconds, 3),
        }  # fmt: skip

    def _batch(self, step: int) -> list[TokenPair]:
        """The pairs of a step, counted from 0."""
        pairs, rows = self._run.train.pairs, self._train.rows
        epoch, place = divmod(step, math.ceil(len(pairs) / rows))
        if self._epoch[0] != epoch:
            self._epoch = (epoch, epoch_batches(pairs, rows, self._train.seed, epoch))
        return [pairs[index] for index in self._epoch[1][place]]

    def _loss(self, pairs: Sequence[TokenPair]) -> Tensor:
        model = self._run.model
        loss: Tensor = model(**tensors(pairs, model.config.pad_token_id, model.device)).loss
        return loss

    def _factor(self, step: int) -> float:
        """What part of the highest learning rate a step has, counted from 0."""
        steps, schedule = self._run.steps, self._train.schedule
        warmup = math.ceil(self._train.warmup * steps)
        if step < warmup:
            return (step + 1) / warmup
        done = (step - warmup) / max(1, steps - warmup)
        if schedule == "linear":
            return 1 - done
        return 0.5 * (1 + math.cos(math.pi * done)) if schedule == "cosine" else 1.0

    @contextmanager
    def _computing(self) -> Iterator[None]:
        """In 16 bits where asked for, or where a graphics card has them; sums stay in 32."""
        device = self._run.model.device.type
        asked = self._train.precision
        if asked == "auto":
            asked = "bfloat16" if device == "cuda" and torch.cuda.is_bf16_supported() else "float32"
        kind = torch.float32 if asked == "float32" else torch.bfloat16
        with torch.autocast(device, dtype=torch.bfloat16, enabled=kind is not torch.float32):
            yield

    def _measure(self, state: State, metrics: Metrics) -> None:
        """The mean loss of the held-out targets, dropout off."""
        pairs = self._run.validation.pairs
        if not pairs:
            return
        self._run.model.eval()
        total = 0.0
        ordered = sorted(pairs, key=lambda pair: (len(pair.source), len(pair.target)))
        with torch.no_grad(), self._computing():
            for at in range(0, len(ordered), _READ):
                part = ordered[at : at + _READ]
                total += self._loss(part).item() * sum(len(pair.target) for pair in part)
        state.validations[state.step] = total / self._run.validation.supervised
        metrics.add({"step": state.step, "validation_loss": state.validations[state.step]})

    def _tell(self, state: State) -> None:
        a_step = state.seconds / state.step
        self._listener.hear(
            Standing(
                step=state.step,
                steps=self._run.steps,
                loss=state.losses[-1],
                validation=state.validation,
                tokens_per_second=state.tokens / state.seconds if state.seconds else 0.0,
                left=a_step * (self._run.steps - state.step),
            )
        )

    def _save(self, state: State) -> None:
        folder = self._run.folder
        drawn = {"cpu": torch.get_rng_state()}
        if self._run.model.device.type == "cuda":
            drawn["cuda"] = torch.cuda.get_rng_state()
        kept = {name: getattr(state, name) for name in State.__slots__}
        with whole_folder(checkpoint_folder(folder, state.step)) as fresh:
            self._run.save(fresh)
            torch.save({"optimizer": self._optimizer.state_dict(), "drawn": drawn, "state": kept},
                       fresh / _STATE)  # fmt: skip
        best = state.best([*checkpoints(folder)])
        prune(folder, self._train.keep, best.step if best else None, remove_checkpoint)

    def _resumed(self) -> State | None:
        """What the newest checkpoint holds, put in place; None where there is none."""
        newest = next(reversed(checkpoints(self._run.folder).items()), None)
        if newest is None:
            return None
        step, path = newest
        load_weights(self._run.model, path)
        kept = torch.load(path / _STATE, map_location=self._run.model.device, weights_only=True)
        self._optimizer.load_state_dict(kept["optimizer"])
        torch.set_rng_state(kept["drawn"]["cpu"].cpu())
        if "cuda" in kept["drawn"] and self._run.model.device.type == "cuda":
            torch.cuda.set_rng_state(kept["drawn"]["cuda"].cpu())
        self._listener.say(f"goes on from step {step:,} of {self._run.steps:,}")
        return State(**kept["state"])

    def _stopped(self, step: int, value: float) -> TuningStopped:
        kept = checkpoints(self._run.folder)
        where = f"{list(kept.values())[-1]} is the last good one; " if kept else ""
        return TuningStopped(
            f"the loss or its gradient became {value} at step {step:,}",
            hint=f"{where}lower learning_rate ({self._run.recipe.learning_rate:g}), or raise "
            "warmup or rows",
        )


@contextmanager
def _interruptible(listener: Listener) -> Iterator[Callable[[], bool]]:
    """Whether the run is to stop after its step: a first Ctrl-C asks for it, a second insists."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def stop(number: int, frame: Any) -> None:  # noqa: ARG001
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        listener.say("stopping after this step; what is done is kept")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tensors(pairs: Sequence[TokenPair], pad: int, device: Any) -> dict[str, Tensor]:
    """What the model takes: sources and labels padded behind, and the mask of the sources."""
    longest = max(len(pair.source) for pair in pairs)
    widest = max(len(pair.target) for pair in pairs)
    sources = [[*p.source, *[pad] * (longest - len(p.source))] for p in pairs]
    labels = [[*p.target, *[IGNORED] * (widest - len(p.target))] for p in pairs]
    mask = [[1] * len(p.source) + [0] * (longest - len(p.source)) for p in pairs]
    return {
        "input_ids": torch.tensor(sources, device=device),
        "attention_mask": torch.tensor(mask, device=device),
        "labels": torch.tensor(labels, device=device),
    }


def load_weights(model: Any, folder: Path) -> None:
    """Put the weights in `folder` into `model`."""
    from safetensors.torch import load_file

    model.load_state_dict(load_file(folder / "model.safetensors"))


def write_answers(
    model: Any, sources: Sequence[Sequence[int]], longest: int, beams: int = 1
) -> list[list[int]]:
    """What the model writes for each source: greedy, or the best of `beams` kept at a time.

    Beam search compares answers by their mean log-probability a token. Answers come without
    start and end tokens.
    """
    config = model.config
    dropped = {config.pad_token_id, config.decoder_start_token_id, config.eos_token_id}
    answers: list[list[int]] = []
    for at in range(0, len(sources), _READ):
        part = [
            TokenPair(tuple(source), (config.eos_token_id,)) for source in sources[at : at + _READ]
        ]
        given = tensors(part, config.pad_token_id, model.device)
        given.pop("labels")
        with torch.inference_mode():
            written = model.generate(
                **given, max_new_tokens=longest - 1, num_beams=beams, do_sample=False
            )
        answers += [[token for token in row if token not in dropped] for row in written.tolist()]
    return answers
