"""Wanda and SparseGPT through the whole model, block after block, in bounded memory.

What enters a block is what the pruned blocks before it give. A block's layers are measured
together, on the block as it was; then they are pruned, and the block's outputs are made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor

from codelathe.compression._torch_blocks import Layer, Stream, find_blocks
from codelathe.compression._torch_sparsegpt import Hessian
from codelathe.compression._torch_wanda import InputNorms
from codelathe.compression.listening import Heard
from codelathe.compression.options import PruneOptions


class Measure(Protocol):
    """What is gathered of a layer's inputs, and pruned by."""

    def add(self, tokens: Tensor) -> None:
        """Take in inputs: shape (tokens, inputs)."""
        ...

    def prune(self, matrix: Tensor, options: PruneOptions) -> None:
        """Make zeros in the matrix."""
        ...


_MEASURES: dict[str, Callable[[int, torch.device], Measure]] = {
    "wanda": InputNorms,
    "sparsegpt": Hessian,
}


def prune_layerwise(
    model: Any, windows: Sequence[Sequence[int]], options: PruneOptions, heard: Heard
) -> None:
    """Prune the linear layers of all blocks in place, by the inputs that the windows give them.

    Raises:
        EngineError: SparseGPT can make nothing of a layer's inputs.
    """
    stream, blocks = Stream(model, windows), find_blocks(model)
    for number, block in enumerate(blocks):
        heard("pruning", number, len(blocks))
        measures = _measured(stream, number, block.layers, _MEASURES[options.method])
        for layer, measure in zip(block.layers, measures, strict=True):
            measure.prune(layer.matrix, options)
        del measures
        stream.advance(number)


def _measured(
    stream: Stream,
    number: int,
    layers: Sequence[Layer],
    make: Callable[[int, torch.device], Measure],
) -> list[Measure]:
    """A measure of each layer; layers that read the very same tensor share one."""
    shared: dict[int, Measure] = {}  # by the first layer that reads it
    first = list(range(len(layers)))
    reading: list[tuple[Any, int]] = []

    def reads(index: int, given: Any) -> None:
        before = next((owner for tensor, owner in reading if tensor is given), None)
        first[index] = index if before is None else before
        if before is None:
            reading.append((given, index))
            layer = layers[index]
            measure = shared.get(index) or make(layer.inputs, layer.module.weight.device)
            shared[index] = measure
            measure.add(given.reshape(-1, given.shape[-1]))

    with _listening(layers, reads):
        for _ in stream.outputs(number):
            reading.clear()
    return [  # a layer that no token reached, as an expert may be, has an empty measure
        shared.get(first[index]) or make(layer.inputs, layer.module.weight.device)
        for index, layer in enumerate(layers)
    ]


@contextmanager
def _listening(layers: Sequence[Layer], reads: Callable[[int, Any], None]) -> Iterator[None]:
    """`reads` is told by each layer what it is given."""

    def hook(index: int) -> Callable[[Any, tuple[Any, ...]], None]:
        return lambda _, given: reads(index, given[0])

    handles = [
        layer.module.register_forward_pre_hook(hook(index)) for index, layer in enumerate(layers)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
