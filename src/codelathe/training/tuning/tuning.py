"""One run from documents to a tuned model in a folder, from its beginning or from where it stopped.

The loop itself is in `_torch_trainer`, which needs torch; here is what goes before and after it.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from codelathe.core.errors import MissingDependency, ModelFileError, UsageError
from codelathe.core.lineage import Lineage
from codelathe.core.opened import OpenedModel
from codelathe.training.data.tokens import Tokens
from codelathe.training.recipe import Recipe
from codelathe.training.tuning.batches import documents_sha256
from codelathe.training.tuning.folder import held, read_run, refuse_another
from codelathe.training.tuning.listening import Listener, Silence
from codelathe.training.tuning.memory import keep_memory
from codelathe.training.tuning.result import Tuned, durable_name

_PACKAGES = ("torch", "transformers", "peft", "trl", "datasets", "accelerate", "safetensors")


class Documents(Protocol):
    """The documents of one part; `training.data.fitting.Fitted` is one."""

    @property
    def documents(self) -> tuple[Tokens, ...]: ...  # noqa: D102


class Parts(Protocol):
    """What is learned from, and what the validation loss is of; `Prepared` is one."""

    @property
    def train(self) -> Documents: ...  # noqa: D102
    @property
    def validation(self) -> Documents: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Identity:
    """What decides the result of a run: recipe, base by hash, documents by hash.

    So does the adapter that it goes on from, if there is one.
    """

    recipe: Mapping[str, Any]
    base_sha256: str
    data_sha256: str
    adapter_sha256: str = ""

    def document(self) -> dict[str, Any]:
        """As `run.json` has it."""
        adapter = {"adapter_sha256": self.adapter_sha256} if self.adapter_sha256 else {}
        return {
            "recipe": dict(self.recipe),
            "base_sha256": self.base_sha256,
            **adapter,
            "data_sha256": self.data_sha256,
        }


def identify(
    recipe: Recipe, base_sha256: str, parts: Parts, adapter: Path | None = None
) -> Identity:
    """What decides the result; `adapter` is the folder of the one that is gone on from.

    Raises:
        ModelFileError: the adapter cannot be read.
    """
    data = documents_sha256(parts.train.documents, parts.validation.documents)
    before = _adapter_sha256(adapter) if adapter is not None else ""
    return Identity(recipe.document(), base_sha256, data, before)


def _adapter_sha256(folder: Path) -> str:
    """The SHA-256 of an adapter's configuration and weights."""
    digest = hashlib.sha256()
    try:
        for path in sorted(folder.glob("adapter_*")):
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path.name} {found}\n".encode())
    except OSError as error:
        raise ModelFileError(f"cannot read {folder}: {error.strerror}", field="model") from None
    return digest.hexdigest()


def finished(out: Path, identity: Identity) -> Tuned | None:
    """The result that is in `out` already, None where there is none yet.

    Raises:
        UsageError: another run is in the folder (with what differs).
    """
    found = read_run(out)
    if found is None:
        return None
    refuse_another(out, found, identity.document())
    if "result" not in found:
        return None
    # It may have been moved, or made from another folder by a relative name.
    return replace(Tuned.from_document(found["result"]), path=str(out))


def require_packages() -> None:
    """See that what tuning needs is installed, and each process is to hold the whole model.

    Raises:
        MissingDependency: with the package that is not.
        UsageError: accelerate is to spread a model over processes.
    """
    from importlib.util import find_spec

    for package in _PACKAGES:
        if find_spec(package) is None:
            raise MissingDependency(package, "train", "tuning a model")
    _refuse_shards()


def _refuse_shards() -> None:
    """Refuse to be one of processes that each hold a part of the model: the parts would be saved.

    Raises:
        UsageError: accelerate is configured so.
    """
    for name in ("FSDP", "DEEPSPEED", "MEGATRON_LM"):
        if os.environ.get(f"ACCELERATE_USE_{name}", "").lower() in ("true", "1"):
            raise UsageError(
                f"accelerate is configured for {name}, and here each process holds the whole model",
                hint="accelerate launch --multi_gpu --num_processes 2 -m codelathe tune ...",
            )


def prepare_process() -> None:
    """Settings that have to be made before torch is loaded."""
    keep_memory()
    if "LOCAL_RANK" not in os.environ:  # one process uses one card; torch would split every row
        cards = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
        os.environ["CUDA_VISIBLE_DEVICES"] = cards.split(",")[0]
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it tells of kernels that it lacks


def tune(
    start: OpenedModel, parts: Parts, recipe: Recipe, out: Path, listener: Listener | None = None
) -> Tuned:
    """Tune `start` on the documents of `parts` as the recipe says, into the folder `out`.

    The same call again goes on from the last checkpoint, to the same losses as if it had never
    been stopped, and answers at once where it is done.

    Raises:
        UsageError: another run is in the folder, or the recipe does not fit the model (with
            what would).
        InUse: another process is in the folder.
        EngineError: too little memory, or a package is missing.
        DiskFull: there is no room for a checkpoint; those before are kept.
        TuningStopped: a loss is not a number; the last good state is kept.
        KeyboardInterrupt: as asked for; what was done is kept in a checkpoint.
    """
    require_packages()
    from codelathe.training.tuning._torch_run import run

    leads = int(os.environ.get("RANK", "0")) == 0
    identity = identify(recipe, start.sha256, parts, start.adapter)
    if not leads:  # where it is done the first process answers at once, and joins no other
        return finished(out, identity) or run(start, parts, recipe, out, Silence())
    with held(out):
        if (before := finished(out, identity)) is not None:
            return before
        return run(start, parts, recipe, out, listener or Silence())


def lineage_of(
    start: OpenedModel, recipe: Recipe, kind: Any, details: Mapping[str, Any]
) -> Lineage:
    """What `lathe.json` says of a tuned model."""
    base = durable_name(start.base) if start.base else ""
    return Lineage(
        kind=kind,
        base=base,
        base_sha256=start.sha256,
        parent=f"adapter:{start.adapter.absolute()}" if start.adapter is not None else base,
        recipe=recipe.document(),
        made_by="tune",
        details=details,
    )
