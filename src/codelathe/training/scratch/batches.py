"""Which pairs a step learns from: drawn by seed and epoch, those of like length together.

Nothing is kept between steps, so a run that goes on asks for the same batches as one that was
never stopped.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import chain

from codelathe.training.scratch.pairs import TokenPair

#: So many batches are drawn at once and sorted by length: little padding, still mixed.
_POOL = 16


def epoch_batches(
    pairs: Sequence[TokenPair], rows: int, seed: int, epoch: int
) -> list[tuple[int, ...]]:
    """The batches of an epoch, as indices of pairs: each pair once, the last batch may be short."""
    draw = random.Random(f"{seed} {epoch}")  # noqa: S311 (not for secrets)
    order = list(range(len(pairs)))
    draw.shuffle(order)
    pools = (order[at : at + rows * _POOL] for at in range(0, len(order), rows * _POOL))
    size = lambda index: len(pairs[index].source) + len(pairs[index].target)  # noqa: E731
    sorted_pools = chain.from_iterable(sorted(pool, key=size) for pool in pools)
    ordered = list(sorted_pools)
    batches = [tuple(ordered[at : at + rows]) for at in range(0, len(ordered), rows)]
    draw.shuffle(batches)
    return batches


def steps_of(count: int, rows: int, epochs: float) -> int:
    """How many steps so many epochs over `count` pairs are, at least one."""
    return max(1, round(epochs * -(-count // rows)))
