"""What a quantization is asked for and what comes of it: values, nothing that computes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codelathe.compression.calibration import Texts
from codelathe.compression.folder import weight_bytes
from codelathe.compression.job import Opened
from codelathe.compression.quantizing_methods import Method
from codelathe.core.lineage import LINEAGE, Lineage
from codelathe.core.modelref import path_ref

VERB = "compress quantize"
#: Where `lathe.json` and the card have what was done.
DETAILS = "quantization"


@dataclass(frozen=True, slots=True)
class QuantizeJob:
    """What to do: which model (its name, the folder or file of its weights, their hash), how.

    `texts` is what a calibrated method looks at, None for the standard library; `samples` how
    many windows of it, 0 for the other methods.
    """

    model: str
    path: Path
    sha256: str
    method: Method
    out: Path
    texts: Texts | None = None
    samples: int = 0

    @property
    def recipe(self) -> dict[str, Any]:
        """What makes two results the same, where the weights are."""
        told: dict[str, Any] = {"method": self.method.name}
        if self.samples:
            texts = self.texts
            told["calibration"] = {
                "samples": self.samples,
                "source": texts.source if texts else "the standard library",
                "sha256": hashlib.sha256(repr(texts.texts).encode()).hexdigest() if texts else "",
            }
        return told

    @property
    def record(self) -> Path:
        """Where it is kept what was done."""
        if self.method.file:
            return self.out.with_name(f"{self.out.name}.{LINEAGE}")
        return self.out / LINEAGE


@dataclass(frozen=True, slots=True)
class QuantizeDoors:
    """What belongs to other rooms: opening models, and the forms that they write.

    `open` gives the original in 32 bits, `reopen` what was written, as every verb opens it.
    `to_int8` turns a model into dynamic int8 in place, `to_gguf` writes the original as a GGUF
    file of a type, `to_openvino` a GGUF file as a folder in OpenVINO's form. `check` raises an
    EngineError where a method's engines could not run this model; `engines` are those that run
    what a method wrote.
    """

    open: Callable[[], Opened]
    reopen: Callable[[Path], Opened]
    to_int8: Callable[[Any], None]
    to_gguf: Callable[[Path, str], object]
    to_openvino: Callable[[Path, Path], None]
    check: Callable[[Method], None]
    engines: Callable[[Method, Path], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Quantized:
    """The result, and what `lathe.json` says of it; `again` if it was there already."""

    path: Path
    details: Mapping[str, Any] = field(default_factory=dict)
    again: bool = False

    @property
    def passed(self) -> bool:
        """Whether text and scores are within the method's bounds."""
        return not self.details["check"]["faults"]

    @property
    def ref(self) -> str:
        """What the other verbs take it by."""
        return path_ref(self.path)

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        told = {"path": str(self.path), "ref": self.ref, "passed": self.passed}
        return {**told, "again": self.again, **self.details}


def read_done(job: QuantizeJob) -> Quantized | None:
    """What the same job has left, None where it was not done or something else is there.

    A file that was cut or exchanged since is something else.
    """
    if not job.out.exists():
        return None
    try:
        told = json.loads(job.record.read_text(encoding="utf-8"))
        same = (told["made_by"], told["parent_sha256"], told["recipe"]) == (
            VERB, job.sha256, job.recipe,
        )  # fmt: skip
        whole = told[DETAILS]["bytes"]["stored"] == weight_bytes(job.out)
        return Quantized(job.out, told[DETAILS], again=True) if same and whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def lineage_of(job: QuantizeJob, details: Mapping[str, Any], before: Lineage | None) -> Lineage:
    """What is told of the result; `before` is what the original says of itself."""
    beside: dict[str, Any] = {"parent_sha256": job.sha256, DETAILS: dict(details)}
    pruning = before.details.get("pruning") if before else None
    if isinstance(pruning, dict) and job.method.zeros:
        beside["pruning"] = {key: told for key, told in pruning.items() if key != "layers"}
    return Lineage(
        kind="checkpoint",
        base=before.base if before else job.model,
        base_sha256=before.base_sha256 if before else job.sha256,
        parent=job.model,
        recipe=job.recipe,
        made_by=VERB,
        details=beside,
    )
