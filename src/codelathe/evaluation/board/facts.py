"""What is known of a model: from its name, the catalogue, and its files where they are here.

What none of them says stays unknown: a chat template makes no model an instruct model.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from math import prod
from pathlib import Path

from codelathe.core.checkpoint import read_adapter_header, read_checkpoint_header
from codelathe.core.errors import LatheError
from codelathe.core.gguf import GgufHeader, read_gguf_header
from codelathe.core.lineage import read_lineage
from codelathe.core.modelref import ModelRef, parse_model_ref
from codelathe.evaluation.board.row import DAMAGED, UNKNOWN, Facts
from codelathe.store import LocalModel, Store

_SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d{1,4})x)?(\d{1,6}(?:\.\d{1,6})?)([bm])(?![a-z0-9])")
_UNITS = {"b": 10**9, "m": 10**6}
_PRECISION = re.compile(
    r"(?<![a-z0-9])(i?q\d(?:_[a-z0-9]+)*|bf16|fp?16|fp?32|bfloat16|float16|float32|fp8|mxfp4"
    r"|int[48]|nf4|awq|gptq|[48]-?bit)(?![a-z0-9])"
)
_SAME = {
    "FP16": "F16", "FLOAT16": "F16", "FP32": "F32", "FLOAT32": "F32", "BFLOAT16": "BF16",
    "4BIT": "4-bit", "8BIT": "8-bit", "4-BIT": "4-bit", "8-BIT": "8-bit",
}  # fmt: skip
_WORDS = {
    "instruct": ("instruct", "instruction", "chat", "it", "sft"),
    "rl": ("rl", "grpo", "ppo", "rlhf", "rlvr"),
    "pretrained": ("base", "pretrained", "pt", "mono", "multi", "nl"),
}
_BITS = {"F32": 32, "F16": 16, "BF16": 16, "AWQ": 4, "GPTQ": 4, "NF4": 4}


def parse_size(text: str) -> int | None:
    """The number of parameters that `1.5B`, `350M` or `8x7B` stands for, None for none."""
    found = _SIZE.fullmatch(text.strip().lower())
    return None if found is None else _count(found)


def _count(found: re.Match[str]) -> int:
    return round(int(found[1] or 1) * float(found[2]) * _UNITS[found[3]])


def tidy_precision(text: str) -> str:
    """The one way that a precision is written here: `F16` for fp16 and float16."""
    upper = text.upper()
    return _SAME.get(upper, upper)


def bits(precision: str) -> int | None:
    """The bits of a weight, nominally: 4 for `Q4_K_M`."""
    if precision in _BITS:
        return _BITS[precision]
    found = re.search(r"\d+", precision)
    return int(found[0]) if found else None


def facts_of_name(name: str) -> Facts:
    """What a name says, such as `Qwen2.5-Coder-1.5B-Instruct-Q4_K_M`.

    That of a GGUF file ends in its type; before it may stand that of what it was made from.
    """
    lower = name.lower()
    size, precisions = _SIZE.search(lower), _PRECISION.findall(lower)
    words = set(re.split(r"[^a-z0-9]+", lower))
    return Facts(
        next((t for t, signs in _WORDS.items() if words.intersection(signs)), UNKNOWN),
        tidy_precision(precisions[-1 if lower.endswith(".gguf") else 0]) if precisions else UNKNOWN,
        _count(size) if size else None,
    )


class Knowledge:
    """Asks the store once for each model."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, str], Facts] = {}

    def facts(self, name: str, sha256: str = "") -> Facts:
        """What is known of the model `name`, whose weights had the hash `sha256`.

        A file that is here now under that name and is another one says nothing.
        """
        key = (name, sha256)
        if key not in self._known:
            self._known[key] = self._find(name, sha256).or_else(facts_of_name(name))
        return self._known[key]

    def _find(self, name: str, sha256: str) -> Facts:
        try:
            ref = parse_model_ref(name)
            if ref.scheme == "adapter":
                base = read_adapter_header(Path(ref.name).expanduser()).base
                return replace(self.facts(base), type=UNKNOWN)
            local = None if ref.remote or ref.scheme == "scripted" else self._store.locate(ref)
            same = local is not None and not (sha256 and local.sha256 not in ("", sha256))
            told = Facts()
            if local is not None and same:
                told = _of_files(local)
                with suppress(LatheError, *DAMAGED):  # a record that tells of something else
                    told = told.or_else(self._of_parent(local.path))
            return told.or_else(self._of_catalogue(ref, sha256))
        except (LatheError, *DAMAGED):  # what cannot be read says nothing
            return Facts()

    def _of_parent(self, path: Path) -> Facts:
        """What a model has of the one that it was made from: its size, and if compressed its type.

        A tuned model may be of another type.
        """
        lineage = read_lineage(path)
        if lineage is None or lineage.kind != "checkpoint":
            return Facts()
        parent, pruning = self.facts(lineage.parent), lineage.details.get("pruning")
        left = pruning["parameters"]["after"] if isinstance(pruning, dict) else None
        return Facts(
            type=parent.type if lineage.made_by.startswith("compress ") else UNKNOWN,
            parameters=left or parent.parameters or self.facts(lineage.base).parameters,
        )

    def _of_catalogue(self, ref: ModelRef, sha256: str) -> Facts:
        entry = self._store.catalogue.models.get(ref.name) if ref.scheme == "alias" else None
        if entry is None:
            return Facts()
        pinned = bool(entry.artefacts) and sha256 in ("", entry.id)
        named = facts_of_name(entry.artefacts[0].file) if pinned else Facts()
        return Facts(
            "pretrained" if entry.type == "base" else entry.type,
            named.precision,
            parse_size(entry.parameters),
            entry.bytes if pinned else None,
        )


def _of_files(local: LocalModel) -> Facts:
    if local.format == "gguf":
        header = read_gguf_header(local.path)
        named = facts_of_name(local.path.name).precision
        metadata = header.metadata
        said = f"{metadata.get('general.name', '')} {metadata.get('general.finetune', '')}"
        return Facts(
            facts_of_name(said).type,
            named if named != UNKNOWN else _most_weights(header),
            header.parameters or None,
            local.bytes,
        )
    if not local.path.is_dir():
        return Facts(bytes=local.bytes)
    return Facts(precision=_stored_in(local), bytes=local.bytes)


def _stored_in(local: LocalModel) -> str:
    """The precision of a folder's weights: what it was quantized to, else what it is stored in."""
    lineage = read_lineage(local.path)
    told = lineage.details.get("quantization") if lineage else None
    method = told.get("method") if isinstance(told, dict) else None
    if isinstance(method, str):
        return facts_of_name(method).precision
    header = read_checkpoint_header(local.path)
    dtype = header.quantization or header.config.get("dtype") or header.config.get("torch_dtype")
    return tidy_precision(dtype) if isinstance(dtype, str) else UNKNOWN


def _most_weights(header: GgufHeader) -> str:
    """The type that most weights have."""
    weights: Counter[str] = Counter()
    for tensor in header.tensors:
        weights[tensor.type] += prod(tensor.shape)
    return weights.most_common(1)[0][0] if weights else UNKNOWN
