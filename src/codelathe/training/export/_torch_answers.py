"""A model's greedy answers with their logits, and another form of it led along them.

The first form's logits are kept on disk meanwhile: of 50 answers they are gigabytes where the
vocabulary is large. Encoder-decoders read the prompt in their encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file

from codelathe.training.export.comparing import Led

#: Tokens of one answer, and the longest prompt; less where the model's context is short.
ANSWER, PROMPT = 48, 256
Heard = Callable[[int], None]


class Answers:
    """The greedy answers of `model` to prompts (token ids), their logits kept in `folder`."""

    def __init__(
        self, model: Any, prompts: Sequence[Sequence[int]], ends: frozenset[int], folder: Path
    ) -> None:
        self._folder = folder
        self._asked: list[tuple[list[int], list[int]]] = []
        self._model, self._ends = model, ends
        self._prompts = prompts

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._prompts)

    def ask(self, heard: Heard) -> None:
        """Let the model answer; `heard` is told how many answers there are."""
        model = self._model
        context = _context(model)
        longest = min(ANSWER, max(context // 3, 1))
        for number, prompt in enumerate(self._prompts, 1):
            read = list(prompt)[-min(PROMPT, context - longest) :]
            written = _greedy(model, read, self._ends, longest)
            self._asked.append((read, written))
            save_file({"logits": _logits(model, read, written)}, self._file(number))
            heard(number)

    def let_go(self) -> None:
        """Forget the model, so that its memory can be used for the other."""
        self._model = None

    def lead(self, model: Any, heard: Heard) -> tuple[Led, ...]:
        """What `model`, another form, says at each place of the answers."""
        led = []
        for number, (read, written) in enumerate(self._asked, 1):
            first = load_file(self._file(number))["logits"]
            led.append(_compared(first, _logits(model, read, written)))
            heard(number)
        return tuple(led)

    def _file(self, number: int) -> Path:
        return self._folder / f"{number}.safetensors"


def _context(model: Any) -> int:
    config = model.config.get_text_config(decoder=True)
    known = getattr(config, "max_position_embeddings", None)
    return int(known) if isinstance(known, int) and known > 0 else ANSWER + PROMPT


def _greedy(model: Any, read: list[int], ends: frozenset[int], longest: int) -> list[int]:
    """The likeliest token each time, whatever the model's settings say of sampling."""
    own = model.generation_config
    model.generation_config = transformers.GenerationConfig(
        do_sample=False,
        max_new_tokens=longest,
        eos_token_id=sorted(ends) or None,
        pad_token_id=min(ends, default=0),
        decoder_start_token_id=own.decoder_start_token_id,
        forced_bos_token_id=own.forced_bos_token_id,
    )
    ids = torch.tensor([read], device=model.device)
    try:
        with torch.inference_mode():
            made: list[int] = model.generate(ids, attention_mask=torch.ones_like(ids))[0].tolist()
    finally:
        model.generation_config = own
    return made if model.config.is_encoder_decoder else made[len(read) :]


def _logits(model: Any, read: list[int], written: list[int]) -> torch.Tensor:
    """What the model says before each token of the answer, in 32 bits: (places, vocabulary)."""
    with torch.inference_mode():
        if model.config.is_encoder_decoder:
            ids = torch.tensor([read], device=model.device)
            opened = torch.tensor([written], device=model.device)
            said = model(input_ids=ids, decoder_input_ids=opened).logits[0, :-1]
        else:
            ids = torch.tensor([read + written], device=model.device)
            said = model(input_ids=ids).logits[0, len(read) - 1 : -1]
    return said.float().cpu().contiguous()


def _compared(first: torch.Tensor, second: torch.Tensor) -> Led:
    size = min(first.shape[1], second.shape[1])  # rows that pad a vocabulary stand for nothing
    first, second = first[:, :size], second[:, :size]
    if not (torch.isfinite(first).all() and torch.isfinite(second).all()):
        return Led(len(first), 0, 0, float("inf"), 1.0, float("inf"), finite=False)
    same = first.argmax(-1) == second.argmax(-1)
    ours, theirs = first.log_softmax(-1), second.log_softmax(-1)
    divergence = (ours.exp() * (ours - theirs)).sum(-1).clamp(min=0)
    parting = None if bool(same.all()) else int((~same).nonzero()[0])
    return Led(
        places=len(first),
        agreeing=int(same.sum()),
        parting=parting,
        difference=float((first - second).abs().max()) if len(first) else 0.0,
        largest=float(first.abs().max()) if len(first) else 0.0,
        divergence=float(divergence.double().sum()),
    )
