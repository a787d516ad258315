"""Too little memory, told as what it is; and told before, where it can be foreseen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from codelathe.core.errors import EngineError

#: Copies of all weights that torch's global pruning makes, in their own numbers.
_COPIES = 6
#: What the place of a weight takes, for each that goes.
_PLACE_BYTES = 8


#: What takes less memory, when a model is pruned.
_PRUNE_LESS = (
    "--precision bfloat16 takes half, --method wanda less than sparsegpt; or choose a smaller model"
)


@contextmanager
def told_of_memory(model: str, verb: str = "prune", hint: str = _PRUNE_LESS) -> Iterator[None]:
    """Say of which model it was that memory did not suffice.

    Raises:
        EngineError: it did not.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch's OutOfMemoryError is a RuntimeError; on processors there is only the text.
        ours = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        if not ours and "allocate memory" not in str(error):
            raise
        raise EngineError(f"there is too little memory to {verb} {model}", hint=hint) from None


def check_global_memory(weights: int, item_bytes: int, sparsity: float) -> None:
    """Refuse to compare all weights of a model at once where that does not fit into memory.

    Raises:
        EngineError: with what it takes and what is free.
    """
    import psutil

    needed = int(weights * (_COPIES * item_bytes + sparsity * (item_bytes + _PLACE_BYTES)))
    free = psutil.virtual_memory().available
    if needed > free:
        raise EngineError(
            f"comparing {weights:,} weights at once takes {needed / 1e9:.1f} GB, and "
            f"{free / 1e9:.1f} GB of memory are free",
            hint="--scope layer compares within each layer",
        )
