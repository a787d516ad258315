"""What a model's weights are: zeros by layer, precisions, hashes that a reload must give again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from codelathe.compression._torch_blocks import Layer
from codelathe.core.errors import ModelFileError

#: A text of what tokenizers differ in: digits, indents, other scripts, names.
_PROBE = "def f(x: int) -> str:\n    return f'{x:>08.3f} 두 수'  # 1234567\n\n\t<|x|>"
#: Scores of a reloaded model may differ from what they were by so much of the largest.
_CLOSE = 0.01


@dataclass(frozen=True, slots=True)
class LayerZeros:
    """How many of a layer's weights are zero. `shape` is (outputs, inputs)."""

    name: str
    shape: tuple[int, int]
    zeros: int

    @property
    def weights(self) -> int:
        """All its weights."""
        return self.shape[0] * self.shape[1]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What must be the same after saving and loading again.

    `tensors` are hashes of the weights' bytes by name; `text` what the tokenizer and the template
    make of a probe, and the tokens that end an answer; `scores` the last scores of some tokens.
    """

    tensors: dict[str, str]
    precisions: dict[str, int]
    text: tuple[Any, ...]
    scores: Any


def count_zeros(layers: Iterable[Layer]) -> tuple[LayerZeros, ...]:
    """The zeros of each layer."""
    found = []
    for layer in layers:
        matrix = layer.matrix
        outputs, inputs = matrix.shape
        zeros = matrix.numel() - int(torch.count_nonzero(matrix))
        found.append(LayerZeros(layer.name, (outputs, inputs), zeros))
    return tuple(found)


def mask_sha256(layers: Iterable[Layer]) -> str:
    """The SHA-256 of where the zeros are: names, and a byte for each weight."""
    digest = hashlib.sha256()
    for layer in layers:
        digest.update(layer.name.encode())
        digest.update((layer.matrix == 0).contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()


def check_finite(model: Any, when: str, hint: str) -> None:
    """Refuse weights that are no numbers.

    Raises:
        ModelFileError: with the first such tensor.
    """
    for name, tensor in model.named_parameters():
        if not bool(torch.isfinite(tensor).all()):
            raise ModelFileError(
                f"{name.removesuffix('.weight')} holds weights that are no finite numbers, {when}",
                hint=hint,
            )


def take_fingerprint(model: Any, tokenizer: Any, window: Sequence[int]) -> Fingerprint:
    """The fingerprint of a model and its tokenizer; `window` are the tokens that are scored."""
    tensors, precisions = {}, Counter[str]()
    for name, tensor in model.state_dict().items():
        raw = tensor.detach().contiguous().reshape(-1).view(torch.uint8).cpu().numpy()
        told = f"{tensor.dtype} {tuple(tensor.shape)}".encode()
        tensors[name] = hashlib.sha256(told + hashlib.sha256(raw.data).digest()).hexdigest()
        precisions[str(tensor.dtype).removeprefix("torch.")] += 1
    ids = torch.tensor([window], device=model.device)
    with torch.no_grad():
        scores = model(input_ids=ids, use_cache=False).logits[0, -1].float().cpu()
    return Fingerprint(tensors, dict(precisions), _text(model, tokenizer), scores)


def check_same(before: Fingerprint, after: Fingerprint, where: str) -> None:
    """Refuse a model that is not what it was when it was saved.

    Raises:
        ModelFileError: with what differs first.
    """
    if before.tensors.keys() != after.tensors.keys():
        differing = sorted(before.tensors.keys() ^ after.tensors.keys())
        raise _not_same(where, f"the tensor {differing[0]} is on one side only")
    for name, digest in before.tensors.items():
        if after.tensors[name] != digest:
            raise _not_same(where, f"the tensor {name} is not bit-equal")
    for name, then, now in zip(
        ("tokens", "chat template", "end tokens"), before.text, after.text, strict=True
    ):
        if then != now:
            raise _not_same(where, f"the {name} differ: {then!r} became {now!r}")
    if not bool(torch.isfinite(after.scores).all()):
        raise _not_same(where, "its scores are no numbers")
    bound = _CLOSE * float(before.scores.abs().max())
    if float((before.scores - after.scores).abs().max()) > bound:
        raise _not_same(where, "its scores differ")


def _text(model: Any, tokenizer: Any) -> tuple[Any, ...]:
    return (
        list(tokenizer(_PROBE, add_special_tokens=False)["input_ids"]),
        tokenizer.chat_template,
        (tokenizer.eos_token_id, getattr(model.generation_config, "eos_token_id", None)),
    )


def _not_same(where: str, what: str) -> ModelFileError:
    return ModelFileError(
        f"the model saved in {where} is not the one that was pruned: {what}",
        hint="this is a fault of the program: report it with the command; nothing was kept",
    )
