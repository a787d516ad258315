"""A model block by block: its linear layers, and windows of tokens on their way through it.

Only what enters the next block is kept, a state a window. So a pass over all blocks needs the
model, those states and whatever is gathered within one block, however deep the model is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from codelathe.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Layer:
    """A linear layer by its name in the model. GPT-2's Conv1D is one, stored transposed."""

    name: str
    module: Any

    @property
    def matrix(self) -> Tensor:
        """The weights as (outputs, inputs); what is written into it is in the model."""
        return matrix_of(self.module)

    @property
    def inputs(self) -> int:
        """How many numbers the layer takes."""
        return int(self.matrix.shape[1])


def matrix_of(module: Any) -> Tensor:
    """The weights of a linear layer as (outputs, inputs), without a copy."""
    return as_stored(module, module.weight.detach())


def as_stored(module: Any, matrix: Tensor) -> Tensor:
    """A matrix of (outputs, inputs) the way round the layer stores it, and back."""
    return matrix.t() if isinstance(module, Conv1D) else matrix


@dataclass(frozen=True, slots=True)
class Block:
    """One of the equal parts that a model consists of, embeddings and head aside."""

    module: Any
    layers: tuple[Layer, ...]


def find_blocks(model: Any) -> tuple[Block, ...]:
    """The blocks of a decoder, in order.

    Raises:
        UsageError: an encoder-decoder, or a model of another build.
    """
    name, modules = find_block_list(model)
    return tuple(
        Block(module, tuple(_layers(module, f"{name}.{number}")))
        for number, module in enumerate(modules)
    )


def find_block_list(model: Any) -> tuple[str, Any]:
    """The list that holds the blocks, and its name in the model.

    Raises:
        UsageError: as find_blocks.
    """
    if model.config.is_encoder_decoder:
        raise UsageError(
            f"{type(model).__name__} is an encoder-decoder, and pruning is for decoders",
            hint="name a decoder: lathe models list",
            field="model",
        )
    count = model.config.get_text_config().num_hidden_layers
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return name, module
    raise UsageError(
        f"{type(model).__name__} is built in a way that is not known: its {count} blocks are in "
        "no list",
        field="model",
    )


def _layers(block: nn.Module, prefix: str) -> Iterator[Layer]:
    for name, module in block.named_modules():
        if isinstance(module, nn.Linear | Conv1D):
            yield Layer(f"{prefix}.{name}", module)


@dataclass(frozen=True, slots=True)
class _Call:
    """What a block is called with beside the hidden states."""

    rest: tuple[Any, ...]
    named: dict[str, Any]


class _ReachedError(Exception):
    """The first block was reached; the rest of the model is not wanted."""


class Stream:
    """Windows of tokens, taken through the blocks one block at a time.

    All windows are equally long, so that a block is called with the same masks and positions
    for each. `states[i]` is what enters the block that is next, shape (1, tokens, width).
    """

    def __init__(self, model: Any, windows: Sequence[Sequence[int]]) -> None:
        self._blocks = [block.module for block in find_blocks(model)]
        self._model = model.base_model
        ids = [torch.tensor([window], device=model.device) for window in windows]
        with torch.no_grad():
            self.states = [self._entering(window) for window in ids]
            self._calls = self._record(ids[0])

    def outputs(self, number: int) -> Iterator[Tensor]:
        """What block `number` makes of each state, while the states stay as they are."""
        block, call = self._blocks[number], self._calls[number]
        for state in self.states:
            with torch.no_grad():
                yield _hidden(block(state, *call.rest, **call.named))

    def advance(self, number: int) -> None:
        """Take every state through block `number`."""
        for window, output in enumerate(self.outputs(number)):
            self.states[window] = output

    def _entering(self, ids: Tensor) -> Tensor:
        found: list[Tensor] = []

        def reached(*given: Any, **named: Any) -> None:
            found.append(given[0] if given else named["hidden_states"])
            raise _ReachedError

        with _replaced(self._blocks[0], reached), suppress(_ReachedError):
            self._model(input_ids=ids, use_cache=False)
        return found[0]

    def _record(self, ids: Tensor) -> list[_Call]:
        """How the model calls each block, found by calls that pass the states on unchanged."""
        calls: list[_Call] = []
        tupled = False
        forward = self._blocks[0].forward

        def first(*given: Any, **named: Any) -> Any:
            nonlocal tupled
            tupled = isinstance(forward(*given, **named), tuple)
            return passed(*given, **named)

        def passed(*given: Any, **named: Any) -> Any:
            state = given[0] if given else named.pop("hidden_states")
            calls.append(_Call(given[1:], named))
            return (state, None) if tupled else state

        with ExitStack() as stack:
            stack.enter_context(_replaced(self._blocks[0], first))
            for block in self._blocks[1:]:
                stack.enter_context(_replaced(block, passed))
            self._model(input_ids=ids, use_cache=False)
        return calls


def _hidden(output: Any) -> Tensor:
    found: Tensor = output[0] if isinstance(output, tuple) else output
    return found


@contextmanager
def _replaced(module: Any, forward: Callable[..., Any]) -> Iterator[None]:
    """The module answers by `forward` instead of its own."""
    module.forward = forward
    try:
        yield
    finally:
        del module.forward  # the class's own shows again
