"""What stands behind a model's name on this machine: the store, a template, an adapter's base."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codelathe.core.checkpoint import AdapterHeader, CheckpointHeader, read_adapter_header
from codelathe.core.errors import IntegrityError, ModelFileError, UsageError
from codelathe.core.gguf import GgufHeader
from codelathe.core.lineage import read_lineage
from codelathe.core.modelref import ModelRef, parse_model_ref

if TYPE_CHECKING:
    from codelathe.store import LocalModel, Progress, Store
    from codelathe.text.chat import ChatTemplate


def open_store() -> Store:
    """The store in the user's own folder."""
    from codelathe.store import Store

    return Store()


def remove_model(ref: ModelRef) -> int:
    """Remove a model from the store, with what an engine made of it; the bytes that frees.

    Raises:
        StoreError: it is not in the store, or cannot be removed.
    """
    from codelathe.engines._converted import forget_converted

    store = open_store()
    try:
        local = store.locate(ref)
    except IntegrityError:  # damaged, and wanted gone
        local = None
    freed = store.remove(ref)
    return freed + (forget_converted(local.path, cache_folder()) if local else 0)


@dataclass(frozen=True, slots=True)
class Found:
    """A model on this machine. `base` and `local` are the weights' own name and where they are.

    For an adapter these are its base's, and `adapter` is what it says of itself.
    """

    ref: str
    base: ModelRef
    local: LocalModel
    adapter: AdapterHeader | None

    @property
    def path(self) -> Path:
        """The folder or file of the weights."""
        return self.local.path

    @property
    def sha256(self) -> str:
        """Of the base's weights."""
        return self.local.sha256 or model_sha256(str(self.base))


def find_weights(model: str, progress: Progress | None = None, *, shows: str = "weights") -> Found:
    """What `model` names, fetched where it is missing; nothing is loaded.

    `shows` is what it has to show, for the error where it is a service's and shows nothing.

    Raises:
        InputError: the reference does not parse, names nothing known, or a service's model.
        StoreError: it cannot be had.
        ModelFileError: an adapter that is none.
    """
    from codelathe.store.folders import expanded

    ref = parse_model_ref(model)
    if ref.remote or ref.scheme == "scripted":
        raise UsageError(
            f"{model} does not show its {shows}",
            hint="name a model on this machine: lathe models list",
            field="model",
        )
    adapter = read_adapter_header(expanded(ref.name)) if ref.scheme == "adapter" else None
    base = base_of(adapter) if adapter is not None else ref
    return Found(str(ref), base, open_store().obtain(base, progress), adapter)


def model_sha256(model: str) -> str:
    """The SHA-256 of the weights that `open_engine` would load; empty for a service's model.

    Raises:
        InputError: the reference names nothing, or what cannot be read.
        StoreError: it is not in place.
    """
    from codelathe.store.folders import expanded
    from codelathe.store.hashes import content_sha256

    ref = parse_model_ref(model)
    if ref.remote:
        return ""
    remembered = cache_folder("hashes.json")
    if ref.scheme == "scripted":
        return content_sha256(Path(ref.name), remembered)
    if ref.scheme == "adapter":
        folder = expanded(ref.name)
        base = base_of(read_adapter_header(folder))
        return f"{content_sha256(folder, remembered)} on {model_sha256(str(base))}"
    local = open_store().obtain(ref)
    return local.sha256 or content_sha256(local.path, remembered)


def base_sha256(model: str, progress: Progress | None = None) -> str:
    """The SHA-256 of the weights under `model`: of an adapter those of its base.

    They are fetched where they are missing.

    Raises:
        InputError: the reference names nothing, or what cannot be read.
        StoreError: it cannot be had.
    """
    return find_weights(model, progress).sha256


def require_base(header: AdapterHeader, base: ModelRef) -> None:
    """See that `base`, which is in place, is what the adapter was made on, where that is known.

    Raises:
        ModelFileError: it is another, by hash.
    """
    lineage = read_lineage(header.path)
    if lineage is None or not lineage.base_sha256:
        return
    found = model_sha256(str(base))
    if found != lineage.base_sha256:
        raise ModelFileError(
            f"the adapter in {header.path} was made on {lineage.base} with the SHA-256 "
            f"{lineage.base_sha256[:12]}..., and {base} has {found[:12]}...",
            hint="name its base as it was, or tune again on this one",
            field="model",
        )


def base_of(header: AdapterHeader) -> ModelRef:
    """The base model that an adapter names: a ModelRef, or a bare repository of the hub.

    A path is looked for from the adapter's folder too, so that both can be moved together.
    """
    ref = parse_model_ref(header.base)
    if ref.scheme != "path" or Path(ref.name).expanduser().exists():
        return ref
    if (beside := header.path / ref.name).exists():
        return ModelRef("path", str(beside))
    if re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", ref.name):
        return ModelRef("hf", ref.name, header.revision)
    return ref


def template_of(header: GgufHeader | CheckpointHeader) -> ChatTemplate | None:
    """The model's own chat template, None for a base model."""
    if not header.chat_template:
        return None
    from codelathe.text.chat import compile_chat_template

    source = header.chat_template
    # Reading a token's text walks the vocabulary: only where the template asks for it.
    bos, eos = (
        header.special_token(kind) if f"{kind}_token" in source else "" for kind in ("bos", "eos")
    )
    return compile_chat_template(source, bos_token=bos, eos_token=eos)


def pickles_trusted() -> bool:
    """Whether the user asks for weights that can run code when they are read."""
    return os.environ.get("CODELATHE_TRUST_PICKLE") == "1"


def runs_folder() -> Path:
    """Where commands leave their results, if nobody says otherwise."""
    from codelathe.store import home
    from codelathe.store.folders import Folders

    return Folders(home()).runs


def cache_folder(name: str = "") -> Path:
    """A folder for what can be made again; a file or folder `name` in it."""
    from codelathe.store import home

    return home() / "cache" / name
