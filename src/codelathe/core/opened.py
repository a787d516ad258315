"""A model whose weights are open, as tuning, compression and export are handed one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol


class OpenedModel(Protocol):
    """Modules in memory, with what belongs to them; `wiring.Checkpoint` is one."""

    @property
    def model(self) -> Any:
        """The `transformers` module, in evaluation mode, without an adapter's weights."""
        ...

    @property
    def tokenizer(self) -> Any:
        """Its `transformers` tokenizer."""
        ...

    @property
    def path(self) -> Path:
        """The checkpoint's folder or GGUF file."""
        ...

    @property
    def base(self) -> str:
        """The ModelRef of the weights; empty where they are new."""
        ...

    @property
    def sha256(self) -> str:
        """Of the weights; empty where they are new."""
        ...

    @property
    def device(self) -> str:
        """Where it is, as `torch` names it."""
        ...

    @property
    def adapter(self) -> Path | None:
        """The folder of the adapter that it was named by, if any."""
        ...
