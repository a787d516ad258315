"""Which files of a repository or folder make up one model.

A GGUF model is one file, or several named `...-00001-of-00003.gguf`; a repository holds
many, one a quantization. A checkpoint is the weights with the configuration and the
tokenizer beside them, or the same in OpenVINO's form. A data set has parts (training, test),
each of one or several files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from codelathe.core.errors import ModelRefError, UnknownName
from codelathe.store.catalogue import Format

DEFAULT_QUANT = "q4_k_m"
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_DATA = re.compile(r"\.(jsonl|ndjson|json|csv|tsv|parquet)(\.gz)?$", re.IGNORECASE)
#: What data sets keep beside their data.
_ABOUT_DATA = re.compile(r"(^|/)(\.[^/]*|dataset_infos?\.json|state\.json|[^/]*config\.json)$")
_BESIDE_WEIGHTS = re.compile(r".*\.(json|txt|model|py|jinja)|.*LICEN[CS]E.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen files, the one to open first (a checkpoint: its configuration) in front."""

    format: Format
    files: tuple[str, ...]


def select(where: str, names: Iterable[str], wanted: str = "") -> Selection:
    """Choose among `names` the files of one model.

    `wanted` is a file name or a quantization (`q8_0`); empty, it is the only GGUF model,
    else the one in q4_k_m, and where there is no GGUF file the checkpoint.

    Raises:
        UnknownName: there is no such file or quantization; the hint lists what there is.
        ModelRefError: the choice is not clear, or there is no model.
    """
    names = sorted(names)
    models = _gguf_models(names)
    if models:
        return Selection("gguf", models[_choose(where, models, wanted)])
    checkpoint = _checkpoint(names)
    if checkpoint is None or wanted:
        what = f"no GGUF file ({wanted!r} was asked for)" if wanted else "no model"
        raise ModelRefError(
            f"{where} holds {what}: neither *.gguf nor config.json with weights"
            if checkpoint is None
            else f"{where} holds {what}, but a {checkpoint.format} checkpoint",
            hint="name a folder or repository with a .gguf file or a checkpoint",
            field="model",
        )
    return checkpoint


def select_data(where: str, names: Iterable[str], wanted: str = "") -> tuple[str, ...]:
    """Choose among `names` the files of one part of a data set.

    `wanted` is a file name, or a word of it (`python`, `test`); empty, it is the training part.

    Raises:
        UnknownName: there is no such file; the hint lists what there is.
        ModelRefError: the choice is not clear, or there is no data.
    """
    files = sorted(name for name in names if _DATA.search(name) and not _ABOUT_DATA.search(name))
    if not files:
        raise ModelRefError(
            f"{where} holds no data: no .jsonl, .json, .csv or .parquet file", field="data"
        )
    if wanted in files:
        return (wanted,)
    parts: dict[str, list[str]] = {}
    for name in files:
        parts.setdefault(_SHARD.sub("", _DATA.sub("", name)), []).append(name)
    fitting = [part for part in parts if not wanted or wanted.lower() in _words(part)]
    if not fitting:
        raise UnknownName(f"part of {where}", wanted, parts, field="data")
    if len(fitting) > 1:
        fitting = [part for part in fitting if "train" in _words(part)] or fitting
    if len(fitting) > 1:
        raise ModelRefError(
            f"{where} holds {len(fitting)} parts" + (f" that fit {wanted!r}" if wanted else ""),
            hint=f"name one, hf:{where}:PART: {', '.join(fitting)}",
            field="data",
        )
    return tuple(parts[fitting[0]])


def _words(part: str) -> set[str]:
    return {part.lower(), *re.split(r"[/._-]", part.lower())}


def is_quant(stem: str, quant: str) -> bool:
    """Whether the file stem names the quantization `quant`, as in `model-Q4_K_M`."""
    pattern = rf"(?:^|[-.]){re.escape(quant.lower())}(?:$|[-.])"
    return re.search(pattern, stem.lower()) is not None


def _gguf_models(names: list[str]) -> dict[str, tuple[str, ...]]:
    """Stem without shard number -> files. A whole file wins over shards of the same model."""
    models: dict[str, list[str]] = {}
    for name in names:
        if name.lower().endswith(".gguf") and "mmproj" not in name.lower():
            models.setdefault(_SHARD.sub("", name[:-5]), []).append(name)
    whole = {stem: f"{stem}.gguf" for stem in models}
    return {
        stem: (whole[stem],) if whole[stem] in files else tuple(files)
        for stem, files in models.items()
    }


def _choose(where: str, models: dict[str, tuple[str, ...]], wanted: str) -> str:
    stems = list(models)
    if wanted:
        stem = _SHARD.sub("", wanted.removesuffix(".gguf"))
        exact = [s for s in stems if s == stem or s.rpartition("/")[2].lower() == stem.lower()]
        fitting = exact or [s for s in stems if is_quant(s, wanted)]
        if not fitting:
            raise UnknownName(
                f"file or quantization in {where}", wanted, stems,
                also=f"there is: {', '.join(stems)}", field="model",
            )  # fmt: skip
    else:
        fitting = stems if len(stems) == 1 else [s for s in stems if is_quant(s, DEFAULT_QUANT)]
    if len(fitting) != 1:
        found = fitting or stems
        raise ModelRefError(
            f"{where} holds {len(found)} GGUF models"
            + (f" that fit {wanted!r}" if wanted else f" and not one in {DEFAULT_QUANT}"),
            hint=f"name one of: {', '.join(found)}",
            field="model",
        )
    return fitting[0]


def _checkpoint(names: list[str]) -> Selection | None:
    top = [name for name in names if "/" not in name]
    kinds: tuple[tuple[Format, str], ...] = (("safetensors", ".safetensors"), ("pytorch", ".bin"))
    for format_, suffix in kinds:
        weights = [
            n for n in top if n.endswith(suffix) and n.startswith(("model", "pytorch_model"))
        ]
        if weights and "config.json" in top:
            beside = [n for n in top if _BESIDE_WEIGHTS.fullmatch(n) and n != "config.json"]
            other = ".bin.index.json" if suffix == ".safetensors" else ".safetensors.index.json"
            kept = [n for n in beside if not n.endswith(other)]
            return Selection(format_, ("config.json", *kept, *weights))
    if {"config.json", "openvino_model.xml", "openvino_model.bin"} <= set(top):
        beside = [n for n in top if _BESIDE_WEIGHTS.fullmatch(n) and n != "config.json"]
        own = [n for n in top if n.startswith("openvino_") and n.endswith((".xml", ".bin"))]
        return Selection("openvino", ("config.json", *beside, *own))
    return None
