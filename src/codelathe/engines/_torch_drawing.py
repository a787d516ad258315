"""The next token of each row: the likeliest, or one drawn as the request says.

Temperature first, then top-p (nucleus sampling, Holtzman et al. 2020: the smallest set of
most likely tokens whose probabilities sum to at least top-p), and nothing else. A row is
drawn with a generator of its own on the processor, so that what else is in the batch and
where the model runs do not take part.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from codelathe.engines._line import Line

#: As many most likely tokens are looked at first; the nucleus seldom has more.
_LIKELY = 256


def draw(logits: Tensor, lines: Sequence[Line]) -> list[int]:
    """A token for each line from its row of `logits` (rows, vocabulary)."""
    tokens: list[int] = logits.argmax(dim=-1).tolist()
    drawn = [row for row, line in enumerate(lines) if not line.sampling.greedy]
    for nucleus in (False, True):
        rows = [row for row in drawn if (lines[row].sampling.top_p < 1.0) is nucleus]
        if not rows:
            continue
        chosen = [lines[row] for row in rows]
        heat = logits.new_tensor([line.sampling.temperature or 1.0 for line in chosen])
        # In 64 bits where sums decide: the last of 100,000 probabilities count as well.
        chances = torch.softmax(logits[rows].double() / heat[:, None], dim=-1)
        picked = _nucleus(chances, chosen) if nucleus else _whole(chances, chosen)
        for row, token in zip(rows, picked.tolist(), strict=True):
            tokens[row] = token
    return tokens


def _whole(chances: Tensor, lines: Sequence[Line]) -> Tensor:
    return _at(chances, _dice(lines).to(chances.device))


def _nucleus(chances: Tensor, lines: Sequence[Line]) -> Tensor:
    limit = chances.new_tensor([line.sampling.top_p for line in lines])[:, None]
    likely, index = chances.topk(min(_LIKELY, chances.shape[-1]))
    if (likely.sum(dim=-1, keepdim=True) < limit).any():
        likely, index = chances.sort(dim=-1, descending=True)
    before = likely.cumsum(dim=-1) - likely
    place = _at(likely * (before < limit), _dice(lines).to(chances.device))
    return index.gather(1, place[:, None])[:, 0]


def _at(chances: Tensor, dice: Tensor) -> Tensor:
    """The first index at which the running sum exceeds `dice`'s share of the whole."""
    sums = chances.cumsum(dim=-1)
    places = torch.searchsorted(sums, dice[:, None] * sums[:, -1:], right=True)
    # A share that rounds up to the whole would lie behind the last token that has a chance.
    last = (chances > 0).long().cumsum(dim=-1).argmax(dim=-1, keepdim=True)
    return torch.minimum(places, last)[:, 0]


def _dice(lines: Sequence[Line]) -> Tensor:
    """For each line the next number in [0, 1) of its own generator."""
    return torch.stack([torch.rand((), dtype=torch.float64, generator=_own(s)) for s in lines])


def _own(line: Line) -> torch.Generator:
    if line.handle is None:
        line.handle = torch.Generator().manual_seed(line.seed)
    generator: torch.Generator = line.handle
    return generator
