"""What of a folder or a file goes to the hub, and what stays here.

Sent are the files that a model, an adapter, a GGUF file or a data set consists of, and nothing
that merely lies beside them: no states of a trainer, no pickles, no hidden files. The card is
the folder's own, completed by the metadata that it lacks, or one that is made here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from codelathe.core.checkpoint import ADAPTER_CONFIG, CONFIG, read_adapter_header
from codelathe.core.errors import InputError, ModelFileError, UsageError
from codelathe.core.gguf import read_gguf_header
from codelathe.core.lineage import Lineage, read_lineage
from codelathe.hub.card import (
    CARD,
    base_repository,
    data_card,
    model_card,
    model_metadata,
    read_front_matter,
    with_front_matter,
)
from codelathe.hub.places import named_places, places_in

Kind = Literal["adapter", "model", "gguf", "dataset"]
_DATA = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
_MODEL = (".safetensors", ".json", ".model", ".txt", ".jinja", ".png", ".toml", ".md", ".tiktoken")
_VOCABULARIES = ("tokenizer.json", "vocab.json", "merges.txt", "vocab.txt")
_TEXT = (".json", ".jsonl", ".csv", ".tsv", ".md", ".txt", ".toml", ".jinja")
#: What peft leaves as a card: a form that nobody has filled in.
_EMPTY_FORM = "<!-- Provide a quick summary of what the model is/does. -->"
#: What runs keep for themselves, to be gone on with.
_STATES = ("run.json", "trainer_state.json")
_LINEAGE_KEY = "codelathe.lineage"


@dataclass(frozen=True, slots=True)
class ParcelFile:
    """One file: its name there, and where its bytes are here (`content` in place of `path`)."""

    name: str
    size: int
    path: Path | None = None
    content: bytes = b""

    @property
    def text(self) -> bool:
        """Whether people wrote what is in it, so that a secret may stand there."""
        name = Path(self.name).name
        return name.lower().endswith(_TEXT) and name not in _VOCABULARIES


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent. `card_made` tells that the card was not there before.

    `notes` are what others would stumble over, such as a base that only this machine has.
    """

    kind: Kind
    files: tuple[ParcelFile, ...]
    card: str
    licence: str
    card_made: bool
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def dataset(self) -> bool:
        """Whether it goes to a repository of data."""
        return self.kind == "dataset"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def pack(source: Path, *, dataset: bool = False) -> Parcel:
    """The parcel of a folder or a file; `dataset` where rows are meant.

    Raises:
        InputError: there is nothing there that the hub could use, or a link that leads out of it.
        ModelFileError: a file says that it is a model, and is none.
    """
    if not source.exists():
        raise InputError(f"{source} does not exist", hint="name a folder or a file that is here")
    parcel = _packed(source, dataset=dataset)
    if source.is_dir():
        _refuse_links(source, [source / CARD, *(file.path for file in parcel.files if file.path)])
    looked_at = [file for file in parcel.files if file.name == CARD or not parcel.dataset]
    return replace(parcel, notes=(*parcel.notes, *named_places(looked_at)))


def _packed(source: Path, *, dataset: bool) -> Parcel:
    if dataset or (source.is_file() and source.suffix.lower() in _DATA):
        return _dataset(source)
    if source.is_file():
        return _gguf(source, [source])
    if (source / ADAPTER_CONFIG).is_file():
        return _model(source, "adapter")
    if (source / CONFIG).is_file():
        return _model(source, "model")
    if found := sorted(source.glob("*.gguf")):
        return _gguf(source, found)
    raise InputError(
        f"{source} is no adapter, model or GGUF file",
        hint="for a data set add --dataset",
    )


def _refuse_links(folder: Path, paths: Iterable[Path]) -> None:
    """Refuse links to files elsewhere: a folder from strangers would send what it never held.

    Raises:
        InputError: there is one.
    """
    whole = folder.resolve()
    if whole.parent.name == "snapshots":  # as the hub's own client keeps what it fetched
        whole = whole.parent.parent
    for path in paths:
        if path.is_symlink() and not (target := path.resolve()).is_relative_to(whole):
            raise InputError(
                f"{path} is a link to a file outside of {folder}: {target}",
                hint=f"if it is to be sent, put the file itself there: cp --remove-destination "
                f"{target} {path}",
            )


def _model(folder: Path, kind: Kind) -> Parcel:
    own, lineage = _card_in(folder), read_lineage(folder)
    if lineage is None:
        lineage = _unknown(folder, kind)
    licence = _licence(own)
    if own:
        card = with_front_matter(own, _known(model_metadata(lineage, folder, licence=licence)))
    else:
        card = model_card(lineage, folder, licence=licence)
    files, left_out = _choose(folder, _MODEL)
    if not any(file.name.endswith(".safetensors") for file in files):
        raise ModelFileError(
            f"{folder} holds no weights as safetensors; pickles are not sent",
            hint="save it again with transformers or peft",
        )
    notes = (*_refused(lineage), *(_notes(folder) if kind == "adapter" else ()))
    return Parcel(kind, _with_card(files, card), card, licence, not own, tuple(left_out), notes)


def _notes(folder: Path) -> tuple[str, ...]:
    """Whether others will find the base that an adapter names."""
    base = read_adapter_header(folder).base
    if base_repository(base) or re.fullmatch(r"[\w.-]+(?:/[\w.-]+)?", base):
        return ()
    return (
        f"{ADAPTER_CONFIG} names a base that only this machine has ({base}): others need "
        '"base_model_name_or_path": "OWNER/REPO"',
    )


def _refused(lineage: Lineage) -> tuple[str, ...]:
    """What refused it: the check of what made it, or the gate of what was tuned."""
    notes, details = [], lineage.details
    check, gate = details.get("check"), details.get("gate", details.get("adapter_gate"))
    if isinstance(check, dict) and check.get("passed") is False:
        notes.append("its check found that it is not the model it was made from")
    if isinstance(gate, dict) and gate.get("outcome") == "refused":
        notes.append("its gate refused it: it solves fewer problems than the model before")
    return tuple(notes)


def _gguf(source: Path, paths: list[Path]) -> Parcel:
    told = read_gguf_header(paths[0]).metadata
    lineage = _gguf_lineage(told.get(_LINEAGE_KEY), paths[0])
    own = _card_in(source) if source.is_dir() else ""
    licence = _licence(own) or str(told.get("general.license", ""))
    card = own or model_card(lineage, paths[0], licence=licence, name=paths[0].name)
    if own:
        card = with_front_matter(own, _known(model_metadata(lineage, paths[0], licence=licence)))
    files = [_file(path, path.name) for path in paths]
    beside = _choose(source, ())[1] if source.is_dir() else []
    left_out = tuple(name for name in beside if name not in {CARD, *(f.name for f in files)})
    notes = (*_refused(lineage), *places_in(paths[0].name, told.get(_LINEAGE_KEY)))
    return Parcel("gguf", _with_card(files, card), card, licence, not own, left_out, notes)


def _gguf_lineage(told: object, path: Path) -> Lineage:
    try:
        found = json.loads(told) if isinstance(told, str) else {}
        return Lineage(
            "checkpoint", found["base"], found["base_sha256"], found["parent"], found["recipe"],
            found["made_by"], {"gguf": found.get("gguf", {}), **_check_beside(path)},
            found["codelathe"],
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return _unknown(path, "gguf")


def _check_beside(path: Path) -> dict[str, Any]:
    """What the export found when it compared the file with what it was made from."""
    try:
        document = json.loads(path.with_name(f"{path.name}.lathe.json").read_bytes())
        return {"check": document["check"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _dataset(source: Path) -> Parcel:
    paths = [source] if source.is_file() else sorted(_visible(source))
    files = [
        _file(path, str(path.relative_to(source)) if source.is_dir() else path.name)
        for path in paths
        if path.suffix.lower() in _DATA
    ]
    if not files:
        raise UsageError(f"{source} holds no rows ({', '.join(_DATA)})", field="source")
    taken = {file.name for file in files} | {CARD}
    left_out = [str(p.relative_to(source)) for p in paths if source.is_dir()]
    own = _card_in(source) if source.is_dir() else ""
    licence = _licence(own)
    card = own or data_card(source.stem, {f.name: _rows(f) for f in files}, licence=licence)
    rest = tuple(name for name in left_out if name not in taken)
    return Parcel("dataset", _with_card(files, card), card, licence, not own, rest)


def _rows(file: ParcelFile) -> int:
    """Lines that are not empty; of other forms than lines nothing is counted."""
    if file.path is None or not file.name.endswith((".jsonl", ".csv", ".tsv")):
        return 0
    with file.path.open("rb") as opened:
        count = sum(bool(line.strip()) for line in opened)
    return count if file.name.endswith(".jsonl") else max(count - 1, 0)


def _choose(folder: Path, endings: tuple[str, ...]) -> tuple[list[ParcelFile], list[str]]:
    """The files right in `folder` with these endings, and the names of the rest."""
    files, left_out = [], []
    for path in sorted(folder.iterdir()):
        wanted = path.name.endswith(endings) and path.name not in _STATES
        if path.is_file() and wanted and not path.name.startswith("."):
            files.append(_file(path, path.name))
        else:
            left_out.append(f"{path.name}/" if path.is_dir() else path.name)
    return files, left_out


def _visible(folder: Path) -> Iterable[Path]:
    for path in folder.rglob("*"):
        inside = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") for part in inside):
            yield path


def _file(path: Path, name: str) -> ParcelFile:
    return ParcelFile(name, path.stat().st_size, path)


def _with_card(files: list[ParcelFile], card: str) -> tuple[ParcelFile, ...]:
    content = card.encode()
    rest = [file for file in files if file.name != CARD]
    return (ParcelFile(CARD, len(content), content=content), *rest)


def _card_in(folder: Path) -> str:
    try:
        card = (folder / CARD).read_text(encoding="utf-8")
        return "" if _EMPTY_FORM in card else card
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {folder / CARD}: {error}") from None


def _licence(card: str) -> str:
    found = read_front_matter(card).get("license")
    return found if isinstance(found, str) else ""


def _known(metadata: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if value is not None}


def _unknown(path: Path, kind: str) -> Lineage:
    """Of what nothing says where it is from: nothing is said of it."""
    base = ""
    if kind == "adapter":
        try:
            told = json.loads((path / ADAPTER_CONFIG).read_bytes())
            base = str(told.get("base_model_name_or_path") or "")
        except (OSError, ValueError, AttributeError):
            base = ""
    return Lineage("adapter" if kind == "adapter" else "checkpoint", base, "", "")
