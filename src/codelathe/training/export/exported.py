"""What an export leaves: a folder or a GGUF file, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.core.modelref import path_ref


@dataclass(frozen=True, slots=True)
class Exported:
    """Where it is, and its tensors, notes and check; `again` if it was there already."""

    path: Path
    details: Mapping[str, Any]
    again: bool = False

    @property
    def passed(self) -> bool:
        """Whether the comparison with the original was within its bounds."""
        return bool(self.details["check"]["passed"])

    @property
    def ref(self) -> str:
        """What the other verbs take it by."""
        return f"gguf:{self.path}" if self.path.is_file() else path_ref(self.path)

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {"path": str(self.path), "ref": self.ref, "again": self.again, **self.details}
