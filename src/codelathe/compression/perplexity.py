"""Perplexity on code: how surprised a model is by each next token. Not whether its code works.

The text is held out: passages of the standard library that calibration never reads
(calibration.py), cut into windows. Each window stands alone; all of its tokens but the first
are predicted. Figures compare only on equal windows, which `Windows.sha256` tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from codelathe.compression.listening import Heard, silent

#: Positions whose scores over the whole vocabulary are held at once.
_SLICE = 128


@dataclass(frozen=True, slots=True)
class Perplexity:
    """The exponential of the mean negative log-likelihood of `tokens` predicted tokens."""

    value: float
    tokens: int
    windows: int


def measure_perplexity(
    model: Any,
    windows: Sequence[Sequence[int]],
    heard: Heard = silent,
) -> Perplexity:
    """The perplexity of a causal `transformers` model over windows of tokens.

    It is infinite where the model gives no numbers any more.
    """
    import torch

    loss, count = 0.0, 0
    with torch.no_grad():
        for number, window in enumerate(windows):
            heard("perplexity", number, len(windows))
            ids = torch.tensor([window], device=model.device)
            scores = model(input_ids=ids, use_cache=False).logits[0]
            for part in _losses(scores[:-1], ids[0, 1:]):
                loss += part
            count += len(window) - 1
    mean = loss / count if count else math.nan
    finite = math.isfinite(mean) and mean < math.log(1e300)
    return Perplexity(math.exp(mean) if finite else math.inf, count, len(windows))


def _losses(scores: Any, targets: Any) -> Iterator[float]:
    """The summed losses of some positions at a time, in 32 bits."""
    from torch.nn.functional import cross_entropy

    for start in range(0, len(targets), _SLICE):
        part = slice(start, start + _SLICE)
        yield float(cross_entropy(scores[part].float(), targets[part], reduction="sum"))
