"""Keys and values of rows that come and go, in buffers that are written in place.

`transformers`' own dynamic cache copies everything that it holds at every token, and again
whenever a row leaves. Here a token is written behind the others, a leaving row is
overwritten by the last one, and a new row is written beside those at work.

All rows end in the same column; a row that is shorter than the widest has columns before
its first token, which the attention mask hides. Layers with a sliding window keep all
columns too: their masks, made from the model's configuration, hide what is too far back.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

#: Columns added at a time, so that the buffers are seldom moved.
_SPARE = 256


class GrowingCache(Cache):  # type: ignore[misc]  # transformers is not typed
    """The cache of `rows` rows of which the widest has `width` columns.

    Whoever owns it sets both before a forward pass, makes room, and calls `written` after.
    """

    def __init__(self, layers: int) -> None:
        super().__init__(layers=[_Layer(self) for _ in range(layers)])
        self.rows = 0
        self.width = 0
        self.end = 0
        self.row_capacity = 0
        self.column_capacity = 0

    def make_room(self, rows: int, width: int, ahead: int) -> None:
        """Have room for `rows` rows of `width` columns, and `ahead` columns after those."""
        if (
            rows <= self.row_capacity
            and width <= self.end
            and self.end + ahead <= self.column_capacity
        ):
            return
        end = max(width, self.width)
        self.row_capacity = max(rows, self.row_capacity)
        self.column_capacity = end + ahead + _SPARE
        for layer in self.layers:
            layer.move(self.row_capacity, self.column_capacity, end)
        self.end = end

    def written(self, columns: int) -> None:
        """Count columns that a forward pass has written behind the others."""
        self.end += columns
        self.width += columns

    def copy_row(self, source: int, target: int) -> None:
        """Let row `target` be what row `source` is."""
        window = slice(self.end - self.width, self.end)
        for layer in self.layers:
            for buffer in (layer.keys, layer.values):
                buffer[target, :, window] = buffer[source, :, window]

    def take_row(self, other: GrowingCache, source: int, target: int, length: int) -> None:
        """Let row `target` be the last `length` columns of row `source` of `other`."""
        here = slice(self.end - length, self.end)
        there = slice(other.end - length, other.end)
        for mine, theirs in zip(self.layers, other.layers, strict=True):
            if not mine.is_initialized:
                mine.lazy_initialization(theirs.keys, theirs.values)
            mine.keys[target, :, here] = theirs.keys[source, :, there]
            mine.values[target, :, here] = theirs.values[source, :, there]


class _Layer(DynamicLayer):  # type: ignore[misc]
    """The buffers of one layer: (rows, heads, columns, size of a head)."""

    is_croppable = False

    def __init__(self, cache: GrowingCache) -> None:
        super().__init__()
        self._cache = cache

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = (self._buffer(s) for s in (key_states, value_states))
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: object, **__: object
    ) -> tuple[Tensor, Tensor]:
        """Write the new columns; return all of the window with them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        cache = self._cache
        end = cache.end + key_states.shape[-2]
        self.keys[: cache.rows, :, cache.end : end] = key_states
        self.values[: cache.rows, :, cache.end : end] = value_states
        window = (slice(cache.rows), slice(None), slice(cache.end - cache.width, end))
        return self.keys[window], self.values[window]

    def get_seq_length(self) -> int:
        """The columns before those that come next."""
        return self._cache.width

    def move(self, rows: int, columns: int, end: int) -> None:
        """Go to larger buffers, the window ending in column `end`."""
        if not self.is_initialized:
            return
        cache = self._cache
        old = (slice(cache.rows), slice(None), slice(cache.end - cache.width, cache.end))
        new = (slice(cache.rows), slice(None), slice(end - cache.width, end))
        for name in ("keys", "values"):
            before = getattr(self, name)
            after = before.new_zeros(rows, before.shape[1], columns, before.shape[3])
            after[new] = before[old]
            setattr(self, name, after)

    def _buffer(self, states: Tensor) -> Tensor:
        # Zeros: a hidden column has no weight, and no weight times no number is no number.
        _, heads, _, size = states.shape
        cache = self._cache
        shape = (cache.row_capacity, heads, cache.column_capacity, size)
        return torch.zeros(shape, dtype=states.dtype, device=states.device)
