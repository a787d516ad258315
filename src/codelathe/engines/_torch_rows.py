"""Rows of tokens that one model goes on with side by side, whatever its architecture.

Two kinds behind one small interface. `GrowingRows`: decoders that are told each token's
position, so that rows of any length stand side by side and new ones may join at any time.
`FixedRows`: all others (encoder-decoders, positions by counting or by slopes, recurrent
layers), in the cache the model makes itself; its rows start together with equally many
tokens, so that nothing is padded in front. In both a row that has ended leaves.

Tokens are plain lists; logits are (rows, vocabulary) in 32 bits. All is to be called in
`computing`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer
from transformers.modeling_outputs import BaseModelOutput

from codelathe.core.errors import EngineError
from codelathe.engines._torch_cache import GrowingCache

#: Tokens of prompts that are read in one pass, padding included.
_READ = 4096


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a row starts with: `tokens`, and for an encoder-decoder how its answer opens."""

    tokens: tuple[int, ...]
    opening: tuple[int, ...] = ()

    @property
    def longest_first(self) -> tuple[int, int]:
        """Sorts prompts so that those of one size are together, the longest first."""
        return (-len(self.opening), -len(self.tokens))


class Rows(Protocol):
    """Rows at work, numbered from 0."""

    def takes(self, joining: Sequence[Prompt], prompt: Prompt) -> bool:
        """Whether `prompt` may join now, together with `joining`."""
        ...

    def join(self, prompts: Sequence[Prompt]) -> Tensor:
        """Add a row for each prompt behind those at work; the logits of these new rows."""
        ...

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Append a token to each row; the logits of all."""
        ...

    def keep(self, order: Sequence[int]) -> None:
        """Row `i` is from now on what row `order[i]` was; rows not named are gone.

        A row stays where it is or moves to the place of one that is gone.
        """
        ...


@contextmanager
def computing(rows: int) -> Iterator[None]:
    """Compute without gradients for `rows` rows, and say what to lower where memory runs out.

    Raises:
        EngineError: there is too little memory.
    """
    try:
        with torch.inference_mode():
            yield
    except RuntimeError as error:
        full = isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)
        if not full:
            raise
        raise EngineError(
            f"the memory did not suffice for {rows} answers at a time",
            hint="lower --max-tokens or -n, shorten the prompt, or choose a smaller precision "
            "(bfloat16, int8, int4)",
        ) from None


def open_rows(model: Any) -> Rows:
    """Rows of the kind that suits the model."""
    return GrowingRows(model) if _places_tokens(model) else FixedRows(model)


def _places_tokens(model: Any) -> bool:
    """Whether the model takes positions, and keeps nothing but keys and values."""
    if model.config.is_encoder_decoder:
        return False
    takes = inspect.signature(model.forward).parameters
    if not {"position_ids", "past_key_values", "attention_mask"} <= takes.keys():
        return False
    # Chunked attention is a sliding layer to the cache; its chunks are counted in columns.
    if getattr(model.config.get_text_config(decoder=True), "attention_chunk_size", None):
        return False
    known = (DynamicLayer, DynamicSlidingWindowLayer)
    return all(type(layer) in known for layer in DynamicCache(config=model.config).layers)


def _last_logits(model: Any) -> dict[str, int]:
    """The argument that spares the logits of all tokens but the last, where there is one."""
    return {"logits_to_keep": 1} if "logits_to_keep" in _parameters(model) else {}


def _parameters(model: Any) -> Any:
    return inspect.signature(model.forward).parameters


class GrowingRows:
    """Rows of a decoder that is told positions; they end in one column and start anywhere."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._layers = len(DynamicCache(config=model.config).layers)
        self._last = _last_logits(model)
        self._cache = GrowingCache(self._layers)
        self._lengths: list[int] = []

    def takes(self, joining: Sequence[Prompt], prompt: Prompt) -> bool:  # noqa: ARG002
        """Any prompt may join at any time."""
        return True

    def join(self, prompts: Sequence[Prompt]) -> Tensor:
        """Read each different prompt once, and put it beside the rows at work."""
        before = len(self._lengths)
        longest = max(len(prompt.tokens) for prompt in prompts)
        self._cache.make_room(before + len(prompts), longest, 1)
        self._cache.rows = before + len(prompts)
        logits: list[Tensor] = [torch.empty(0)] * len(prompts)
        rows: dict[tuple[int, ...], list[int]] = {}
        for row, prompt in enumerate(prompts):
            rows.setdefault(prompt.tokens, []).append(row)
        for group in _groups(list(rows)):
            cache, last = self._read(group)
            for source, tokens in enumerate(group):
                for row in rows[tokens]:
                    self._cache.take_row(cache, source, before + row, len(tokens))
                    logits[row] = last[source]
        self._lengths += [len(prompt.tokens) for prompt in prompts]
        self._cache.width = max(self._lengths)
        return torch.stack(logits)

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Append a token to each row."""
        cache = self._cache
        cache.rows, cache.width = len(tokens), max(self._lengths)
        cache.make_room(cache.rows, cache.width, 1)
        ids = self._tensor([[token] for token in tokens])
        positions = self._tensor([[length] for length in self._lengths])
        logits = self._forward(cache, ids, positions, self._lengths)
        self._lengths = [length + 1 for length in self._lengths]
        return logits

    def keep(self, order: Sequence[int]) -> None:
        """Rows that are gone are overwritten by those behind."""
        for target, source in enumerate(order):
            if source != target:
                self._cache.copy_row(source, target)
        self._lengths = [self._lengths[row] for row in order]
        self._cache.rows = len(order)
        self._cache.width = max(self._lengths, default=0)
        if not order:
            self._cache = GrowingCache(self._layers)

    def _read(self, group: Sequence[tuple[int, ...]]) -> tuple[GrowingCache, Tensor]:
        width = max(map(len, group))
        cache = GrowingCache(self._layers)
        cache.make_room(len(group), 0, width)
        cache.rows = len(group)
        padded = [[0] * (width - len(tokens)) + list(tokens) for tokens in group]
        lengths = [len(tokens) for tokens in group]
        columns = torch.arange(width, device=self._model.device)
        starts = width - self._tensor(lengths)
        positions = (columns[None, :] - starts[:, None]).clamp(min=0)
        unread = [length - width for length in lengths]
        return cache, self._forward(cache, self._tensor(padded), positions, unread)

    def _forward(
        self, cache: GrowingCache, ids: Tensor, positions: Tensor, lengths: Sequence[int]
    ) -> Tensor:
        """`lengths`: the columns of each row before those of `ids`, below 0 for padding in it."""
        width = cache.width + ids.shape[1]
        mask = None
        if min(lengths) < max(lengths):
            starts = cache.width - self._tensor(list(lengths))
            mask = torch.arange(width, device=ids.device)[None, :] >= starts[:, None]
            mask = mask.long()
        output = self._model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            **self._last,
        )
        cache.written(ids.shape[1])
        return _float(output.logits)

    def _tensor(self, values: list[Any]) -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=self._model.device)


class FixedRows:
    """Rows that started together with equally many tokens, in the model's own cache."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._encoder_decoder = bool(model.config.is_encoder_decoder)
        self._last = {} if self._encoder_decoder else _last_logits(model)
        recurrent = "cache_params" in _parameters(model)
        self._cache_name = "cache_params" if recurrent else "past_key_values"
        self._cache: Any = None
        self._encoded: dict[str, Tensor] = {}
        self._count = 0

    def takes(self, joining: Sequence[Prompt], prompt: Prompt) -> bool:
        """Only rows of one size, and only where none is at work."""
        if self._count:
            return False
        return not joining or self._size(joining[0]) == self._size(prompt)

    def join(self, prompts: Sequence[Prompt]) -> Tensor:
        """Read the prompts."""
        self._cache, self._count = None, len(prompts)
        if not self._encoder_decoder:
            return self._forward([list(prompt.tokens) for prompt in prompts])
        self._encoded = self._encode([prompt.tokens for prompt in prompts])
        return self._forward([list(prompt.opening) for prompt in prompts])

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Append a token to each row."""
        return self._forward([[token] for token in tokens])

    def keep(self, order: Sequence[int]) -> None:
        """Rows that are gone are left out of the cache, which is copied for it."""
        self._count = len(order)
        if not order:
            self._cache, self._encoded = None, {}
            return
        rows = torch.tensor(list(order), device=self._model.device)
        self._cache.reorder_cache(rows)
        self._encoded = {name: tensor[rows] for name, tensor in self._encoded.items()}

    def _size(self, prompt: Prompt) -> int:
        return len(prompt.opening if self._encoder_decoder else prompt.tokens)

    def _encode(self, prompts: Sequence[tuple[int, ...]]) -> dict[str, Tensor]:
        """The encoder's output for each prompt, padded behind; each different one read once."""
        distinct = list(dict.fromkeys(prompts))
        width = max(map(len, distinct))
        parts = []
        for group in _groups(distinct):
            ids = torch.tensor([[*t, *[0] * (width - len(t))] for t in group])
            mask = torch.tensor([[1] * len(t) + [0] * (width - len(t)) for t in group])
            ids, mask = ids.to(self._model.device), mask.to(self._model.device)
            output = self._model.get_encoder()(input_ids=ids, attention_mask=mask)
            parts.append((output.last_hidden_state, mask, group))
        place = {t: row for row, t in enumerate(t for _, _, group in parts for t in group)}
        rows = torch.tensor([place[t] for t in prompts], device=self._model.device)
        return {
            "hidden": torch.cat([hidden for hidden, _, _ in parts])[rows],
            "mask": torch.cat([mask for _, mask, _ in parts])[rows],
        }

    def _forward(self, tokens: list[list[int]]) -> Tensor:
        ids = torch.tensor(tokens, device=self._model.device)
        arguments: dict[str, Any] = {self._cache_name: self._cache, "use_cache": True, **self._last}
        if self._encoder_decoder:
            arguments["encoder_outputs"] = BaseModelOutput(self._encoded["hidden"])
            arguments["attention_mask"] = self._encoded["mask"]
            arguments["decoder_input_ids"] = ids
        else:
            arguments["input_ids"] = ids
        output = self._model(**arguments)
        self._cache = output[self._cache_name]
        return _float(output.logits)


def _groups(prompts: list[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    """`prompts` in groups that are read in one pass, alike in length."""
    group: list[tuple[int, ...]] = []
    for tokens in sorted(prompts, key=len, reverse=True):
        if group and (len(group) + 1) * len(group[0]) > _READ:
            yield group
            group = []
        group.append(tokens)
    if group:
        yield group


def _float(logits: Tensor) -> Tensor:
    return logits[:, -1, :].float()
