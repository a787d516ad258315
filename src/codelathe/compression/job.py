"""What a pruning is asked for and what comes of it: values, nothing that computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from codelathe.compression.calibration import Texts
from codelathe.compression.options import PruneOptions
from codelathe.core.opened import OpenedModel

if TYPE_CHECKING:
    from codelathe.compression._torch_inspection import LayerZeros
    from codelathe.compression._torch_recovery import Recovered


class Opened(OpenedModel, Protocol):
    """What compression needs of an opened checkpoint."""

    @property
    def precision(self) -> str:
        """The numbers it was loaded in, and is saved in."""
        ...


@dataclass(frozen=True, slots=True)
class PruneJob:
    """What to do. `texts` is what to calibrate on, None for the standard library.

    `packed` stores zeros in one bit each, which only codelathe reads; it is for zeros alone.
    """

    model: str
    options: PruneOptions
    out: Path
    texts: Texts | None = None
    packed: bool = True


@dataclass(frozen=True, slots=True)
class Doors:
    """How models are opened: the one to prune, and what was saved in a folder."""

    open: Callable[[], Opened]
    reopen: Callable[[Path], Opened]


@dataclass(frozen=True, slots=True)
class Pruned:
    """A pruned model in its folder.

    `sparsity` is the share of the blocks' linear weights that is zero or gone; `layers` tells the
    zeros of each. `parameters` counts the whole model's before and after, `bytes` those of its
    weights on disk before packing and as they are. `removed` is what structured methods took,
    `recovered` what was won by learning from the original on the text that `lessons` tells of.
    """

    job: PruneJob
    sparsity: float
    layers: tuple[LayerZeros, ...]
    parameters: tuple[int, int]
    bytes: tuple[int, int]
    mask_sha256: str
    precisions: dict[str, int]
    removed: dict[str, Any]
    calibration: dict[str, Any] | None
    lessons: dict[str, Any] | None
    recovered: Recovered | None
    notes: tuple[str, ...]
    seconds: float = 0.0

    def pruning(self) -> dict[str, Any]:
        """What was pruned, as `lathe.json` has it."""
        return {
            **self.job.options.document(),
            "reached": self.sparsity,
            "mask_sha256": self.mask_sha256,
            "removed": self.removed,
            "parameters": {"before": self.parameters[0], "after": self.parameters[1]},
            "packed": self.job.packed,
            "layers": [asdict(layer) for layer in self.layers],
        }

    def document(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {
            "model": self.job.model,
            "out": str(self.job.out),
            **self.pruning(),
            "calibration": self.calibration,
            "lessons": self.lessons,
            "recovered": asdict(self.recovered) if self.recovered else None,
            "bytes": {"dense": self.bytes[0], "stored": self.bytes[1]},
            "precisions": self.precisions,
            "notes": list(self.notes),
            "seconds": round(self.seconds, 2),
        }
