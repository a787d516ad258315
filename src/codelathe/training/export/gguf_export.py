"""A model becomes a GGUF file: which order was done already, what is read, what is left beside.

A checkpoint of safetensors is read tensor by tensor. An adapter is merged on the way, in memory
and in 32 bits. A GGUF file is dequantized and keeps its metadata. The new file's header says what
it was made from; `FILE.lathe.json` beside it, what the check found.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.core.checkpoint import (
    CheckpointHeader,
    read_checkpoint_header,
    read_tokenizer_header,
)
from codelathe.core.errors import ModelFileError, UnknownName, UsageError
from codelathe.core.gguf import MAGIC, read_gguf_header
from codelathe.core.lineage import Lineage, read_lineage
from codelathe.core.spinning import load_torch
from codelathe.training.export.architectures import architecture_of
from codelathe.training.export.exported import Exported
from codelathe.training.export.gguf_content import (
    LINEAGE_KEY,
    content_of_checkpoint,
    content_of_gguf,
    gguf_weights,
)
from codelathe.training.export.gguf_file import TYPES, Content, write_gguf
from codelathe.training.export.merging import Heard, Open, Parts, refuse_parts
from codelathe.training.export.staging import settle, workplace, writing

if TYPE_CHECKING:
    from codelathe.training.export.gguf_check import GgufCheck

VERB = "export gguf"
RECORD = ".lathe.json"
#: Types in which a zero does not stay one.
_SHIFTED = ("q5_1", "q4_1")
_WHOLE = frozenset({"F32", "F16", "BF16"})


@dataclass(frozen=True, slots=True)
class GgufOrder:
    """What to write, where to, in which type, checked on how many prompts.

    `path` is the checkpoint's folder or GGUF file behind `ref`, `sha256` what identifies it, the
    adapter included; `parts` are there where `ref` is an adapter.
    """

    ref: str
    path: Path
    sha256: str
    out: Path
    kind: str
    prompts: int
    parts: Parts | None = None

    @property
    def key(self) -> dict[str, Any]:
        """What makes two files the same."""
        return {"source_sha256": self.sha256, "type": self.kind}

    @property
    def record(self) -> Path:
        """Where the check's findings are kept."""
        return self.out.with_name(self.out.name + RECORD)


def find_done(order: GgufOrder) -> Exported | None:
    """What the same order has left with its check, None where there is work to do.

    Raises:
        UnknownName: no such type.
        UsageError: the file holds something else, or would be in the folder of the model.
    """
    if order.kind not in TYPES:
        raise UnknownName("type", order.kind, TYPES, field="type")
    _refuse_inside(order)
    if not order.out.exists():
        return None
    if _made_from(order.out).get("gguf") != order.key:
        raise UsageError(
            f"{order.out} exists and is not what this command makes",
            hint="name another file, or remove this one",
            field="out",
        )
    try:
        details = json.loads(order.record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(details, dict) or not isinstance(details.get("check"), dict):
        return None
    same = details.get("prompts") == order.prompts
    return Exported(order.out, details, again=True) if same else None


def _refuse_inside(order: GgufOrder) -> None:
    """Refuse a place in a model's own folder: its name would stand for the new file from then on.

    The check would compare that file with itself.

    Raises:
        UsageError: it is one.
    """
    own = [order.path, *([order.parts.adapter.path, order.parts.base] if order.parts else [])]
    parent = order.out.absolute().parent.resolve()
    if any(folder.is_dir() and folder.resolve() == parent for folder in own):
        raise UsageError(
            f"{order.out} would be in the folder of the model it is made from, which would then "
            "be taken for a GGUF model",
            hint="name a file in another folder",
            field="out",
        )


def make_gguf(order: GgufOrder, open_model: Open, heard: Heard) -> Exported:
    """Write the file, whole or not at all; one that is there already is taken as it is.

    Raises:
        InputError: the model has no form as GGUF.
        ModelFileError: it cannot be read, or adapter and base do not belong together.
        DiskFull: there is no room.
    """
    notes = _notes(order)
    if order.out.exists():
        types = {tensor.name: tensor.type for tensor in read_gguf_header(order.out).tensors}
        return Exported(order.out, {"gguf": order.key, "tensors": types, "notes": notes})
    content = _content(order, open_model, heard)
    with workplace(order.out) as work:
        made = work / "model.gguf"
        types = write_gguf(
            content, made, order.kind, lambda done, total: heard("writing", done, total)
        )
        find_done(order)  # what others have put there meanwhile stays
        settle(made, order.out)
    details = {"gguf": order.key, "tensors": types, "notes": [*notes, *content.notes]}
    return Exported(order.out, details)


def record_check(order: GgufOrder, file: Exported, check: GgufCheck) -> Exported:
    """Leave what the check found beside the file.

    Raises:
        StoreError: it cannot be written.
    """
    details = {**file.details, "prompts": order.prompts, "check": check.document()}
    fresh = order.record.with_name(f".{order.record.name}.new")
    with writing(order.record):
        fresh.write_text(json.dumps(details, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        fresh.replace(order.record)
    return Exported(file.path, details)


def _made_from(path: Path) -> dict[str, Any]:
    """The lineage in a GGUF file's header, empty where it is not of our making."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return {}
        told = read_gguf_header(path).metadata.get(LINEAGE_KEY)
        found = json.loads(told) if isinstance(told, str) else None
    except (OSError, ValueError, ModelFileError):
        return {}
    return found if isinstance(found, dict) else {}


def _lineage(order: GgufOrder) -> Lineage:
    told = order.parts.lineage if order.parts else None
    if told is None and order.path.is_dir():
        told = read_lineage(order.path)
    base = order.parts.base_ref if order.parts else order.ref
    sha256 = order.parts.base_sha256 if order.parts else order.sha256
    return Lineage(
        kind="checkpoint",
        base=told.base if told else base,
        base_sha256=told.base_sha256 if told else sha256,
        parent=order.ref,
        recipe=told.recipe if told else {},
        made_by=VERB,
        details={"gguf": order.key},
    )


def _content(order: GgufOrder, open_model: Open, heard: Heard) -> Content:
    lineage, name = _lineage(order), order.out.stem
    if order.parts is not None:
        return _merged_content(order, order.parts, open_model, heard)
    if order.path.is_file():
        return content_of_gguf(order.path, lineage)
    load_torch()
    from codelathe.training.export._torch_weights import folder_weights, model_weights

    header = read_checkpoint_header(order.path)
    architecture_of(header.config)  # refused before anything is read
    weights = folder_weights(order.path)
    if not weights:  # packed: known to whoever loads models
        opened = open_model(order.ref, "float32")
        opened.text.close()
        weights = model_weights(opened.model)
    return content_of_checkpoint(header, weights, lineage, name)


def _merged_content(order: GgufOrder, parts: Parts, open_model: Open, heard: Heard) -> Content:
    """Base and adapter, merged in memory."""
    load_torch()
    from codelathe.training.export._torch_merging import attach, end_tokens, merge_into, untie
    from codelathe.training.export._torch_weights import model_weights

    refuse_parts(parts)
    heard("loading", 0, 1)
    opened = open_model(order.ref, "float32")
    opened.text.close()
    adapted = attach(opened.model, parts.adapter.path)
    untie(adapted)
    merged = merge_into(adapted)
    weights, config = model_weights(merged), merged.config.to_dict()
    config["eos_token_id"] = sorted(end_tokens(merged, opened.tokenizer))
    lineage = _lineage(order)
    if parts.base.is_file():
        return content_of_gguf(parts.base, lineage, gguf_weights(weights, config))
    talks = read_tokenizer_header(parts.adapter.path)
    if not talks.has_tokenizer:
        talks = read_checkpoint_header(parts.base)
    header = CheckpointHeader(talks.path, config, talks.tokenizer_config, talks.chat_template)
    return content_of_checkpoint(header, weights, lineage, order.out.stem)


def _notes(order: GgufOrder) -> list[str]:
    notes = []
    base = order.parts.base if order.parts else order.path
    if base.is_file():
        types = {tensor.type for tensor in read_gguf_header(base).tensors} - _WHOLE
        if types:
            notes.append(
                f"the weights are those of a quantized GGUF file ({', '.join(sorted(types))}): "
                f"what it lost stays lost, and {order.kind} rounds once more"
            )
    own = read_lineage(order.path) if order.path.is_dir() else None
    if own is not None and own.details.get("pruning") and order.kind in _SHIFTED:
        notes.append(f"the model is pruned: in {order.kind} its zeros do not stay exactly zero")
    return notes
