"""The catalogue: names of models and data sets, what is known of them, where they are.

Two TOML files of one grammar: the built-in `catalogue.toml` beside this module, and
the user's own, merged over it entry by entry. Families (name patterns over axes) are
expanded here, so that the rest of the store only ever sees entries.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from codelathe.core.errors import InputError, UnknownName
from codelathe.store.artefact import Artefact, HubFile, IndexParts, content_id

Format = Literal["gguf", "safetensors", "pytorch", "openvino", "unknown"]
ENCODER = "encoder"
"""The type of a model that turns text into vectors and writes none."""
BUILT_IN = Path(__file__).with_name("catalogue.toml")
T = TypeVar("T", HubFile, IndexParts)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("about", "parameters", "type", "languages", "licence", "format")
_PLACE = ("file", "sha256", "local")
_PINNED = {"file", "bytes", "sha256"}
_MODEL_KEYS = {*_TEXTS, *_PLACE, "bytes", "files", "hub", "index"}
_DATA_KEYS = {"about", "licence", *_PINNED, "hub", "index"}
_FAMILY = {"name", "axes", "only"}
#: What `str.format` raises for braces with anything but the names it is given.
_NO_PATTERN = (KeyError, IndexError, ValueError, AttributeError, TypeError)


@dataclass(frozen=True, slots=True)
class Entry:
    """One name, and where its bytes are, which exactly one of three fields says.

    `artefacts` pinned by size and SHA-256, of which a checkpoint has several; `hub` a
    repository, taken as found; `local` a path of the user's own, used in place. `family` is
    the pattern the name comes from.
    """

    name: str
    about: str = ""
    parameters: str = "unknown"
    type: str = "unknown"
    languages: str = "unknown"
    licence: str = "unknown"
    format: Format = "unknown"
    artefacts: tuple[Artefact, ...] = ()
    hub: HubFile | None = None
    local: str = ""
    family: str = ""

    @property
    def id(self) -> str:
        """What names its folder in a store; empty where it is not pinned."""
        files = [(artefact.sha256, artefact.file) for artefact in self.artefacts]
        return content_id(files) if files else ""

    @property
    def bytes(self) -> int | None:
        """The size of all its files; None where it is not pinned."""
        return sum(artefact.bytes or 0 for artefact in self.artefacts) or None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries by name, the names in lower case."""

    models: Mapping[str, Entry]
    datasets: Mapping[str, Entry]

    def model(self, name: str) -> Entry:
        """The model `name`; case does not matter.

        Raises:
            UnknownName: with the nearest names.
        """
        if name.lower() not in self.models:
            also = "all of them: lathe models list; a file of your own: write it as a path"
            raise UnknownName("model", name, self.models, also=also, field="model")
        return self.models[name.lower()]

    def dataset(self, name: str) -> Entry:
        """The data set `name`.

        Raises:
            UnknownName: with the nearest names.
        """
        if name.lower() not in self.datasets:
            raise UnknownName("data set", name, self.datasets)
        return self.datasets[name.lower()]


def load_catalogue(own: Path | None = None) -> Catalogue:
    """The built-in catalogue with the file `own`, where it exists, merged over it.

    Raises:
        InputError: a file that is no TOML, or an entry that does not fit the grammar.
    """
    models: dict[str, Entry] = {}
    datasets: dict[str, Entry] = {}
    for path in filter(None, (BUILT_IN, own)):
        document = _read(path)
        read = _Reader(path)
        expanded = [e for table in document.get("family", []) for e in read.family(table)]
        models |= {entry.name: entry for entry in expanded}
        models |= {
            name.lower(): read.entry(name, table, _MODEL_KEYS)
            for name, table in document.get("models", {}).items()
        }
        datasets |= {
            name.lower(): read.dataset(name, table)
            for name, table in document.get("datasets", {}).items()
        }
    return Catalogue(models, datasets)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a TOML file: {error}", hint=f"edit {path}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    shapes = {"models": dict, "datasets": dict, "family": list}
    for key, value in document.items():
        if key not in shapes or not isinstance(value, shapes[key]):
            raise InputError(
                f"{path} has {key!r}, which is no table of a catalogue",
                hint="the tables are [models.NAME], [datasets.NAME] and [[family]]",
            )
    return document


class _Reader:
    """Turns the tables of one file into entries; every error names file, entry and fault."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entry(self, name: str, table: Any, known: Set[str], family: str = "") -> Entry:
        """The entry that one table describes."""
        if not isinstance(table, dict):
            raise self._wrong(name, "is not a table")
        unknown = table.keys() - known
        if unknown:
            raise self._wrong(name, f"has the unknown key {min(unknown)!r}; known: {_list(known)}")
        not_text = [k for k in (*_TEXTS, *_PLACE) if not isinstance(table.get(k, ""), str)]
        if not_text:
            raise self._wrong(name, f"{not_text[0]} must be text")
        texts = {key: table[key] for key in _TEXTS if key in table}
        if texts.get("format", "unknown") not in get_args(Format):
            raise self._wrong(
                name, f"the format {texts['format']!r} is none of {_list(get_args(Format))}"
            )
        return replace(Entry(name.lower(), family=family, **texts), **self._place(name, table))

    def dataset(self, name: str, table: Any) -> Entry:
        """The entry of a data set, which is always pinned."""
        entry = self.entry(name, table, _DATA_KEYS)
        if not entry.artefacts:
            raise self._wrong(name, "a data set needs file, bytes and sha256")
        (artefact,) = entry.artefacts
        if artefact.hub is None:
            return entry
        hub = replace(artefact.hub, dataset=True)
        return replace(entry, artefacts=(replace(artefact, hub=hub),))

    def family(self, table: Any) -> Iterator[Entry]:
        """One entry for each combination of the axes."""
        if not isinstance(table, dict):
            raise self._wrong("[[family]]", "is not a table")
        name, axes, only = table.get("name", ""), table.get("axes"), table.get("only", {})
        if not (isinstance(name, str) and name and axes and table.get("hub")):
            raise self._wrong(str(name) or "[[family]]", "a family needs name, axes and hub")
        if not (_is_table_of(list, axes) and _is_table_of(dict, only)):
            raise self._wrong(name, "axes are lists of values, and only has a table for a value")
        axes = {axis: [str(value) for value in values] for axis, values in axes.items()}
        braces = {axis: "{" + ", ".join(values) + "}" for axis, values in axes.items()}
        common = {key: value for key, value in table.items() if key not in _FAMILY}
        for values in itertools.product(*axes.values()):
            chosen = dict(zip(axes, values, strict=True))
            special = {key: x for value in values for key, x in only.get(value, {}).items()}
            try:
                filled = _fill(common | special, chosen)
                alias, family = name.format(**chosen), name.format(**braces)
            except _NO_PATTERN as error:
                raise self._wrong(
                    name, f"only the axes may stand in braces: {error.args[0]!r} is none"
                ) from None
            if isinstance(filled.get("parameters"), str):
                filled["parameters"] = filled["parameters"].upper()
            yield self.entry(alias, filled, _MODEL_KEYS, family.lower())

    def _place(self, name: str, table: Mapping[str, Any]) -> dict[str, Any]:
        """The one field of an entry that says where the bytes are."""
        hub = self._source(name, HubFile, table.get("hub"))
        index = self._source(name, IndexParts, table.get("index"))
        pinned = {*_PINNED, "files"} & table.keys()
        if table.get("local") and not (pinned or hub or index):
            return {"local": table["local"]}
        if hub and not (pinned or index):
            return {"hub": hub}
        pins = [{key: table[key] for key in pinned}]
        if pinned == {"files"} and _is_list_of_tables(table["files"]):
            pins = table["files"]
            if (hub and hub.file) or (index and index.path(1, "a") == index.path(1, "b")):
                raise self._wrong(name, "with files, hub has no file, and member of index {file}")
        artefacts = tuple(self._artefact(name, pin, hub, index) for pin in pins)
        if len({artefact.file for artefact in artefacts}) < len(artefacts):
            raise self._wrong(name, "has two files of one name")
        return {"artefacts": artefacts}

    def _artefact(
        self, name: str, pin: Mapping[str, Any], hub: HubFile | None, index: IndexParts | None
    ) -> Artefact:
        """One pinned file, and its sources."""
        if pin.keys() != _PINNED:
            raise self._wrong(
                name,
                "needs file, bytes and sha256, or files, each with these three; or only hub; or "
                "only local",
            )
        file, size, digest = pin["file"], pin["bytes"], pin["sha256"]
        if not (isinstance(file, str) and isinstance(digest, str)):
            raise self._wrong(name, "file and sha256 must be text")
        if type(size) is not int or size <= 0:
            raise self._wrong(name, f"bytes must be a positive number, not {size!r}")
        if not _SHA256.fullmatch(digest):
            raise self._wrong(name, "sha256 must be 64 hexadecimal digits in lower case")
        if Path(file).name != file or file in ("", "..") or not file.isprintable():
            raise self._wrong(name, f"file must be a bare name, not {file!r}")
        if hub and not hub.file:
            hub = replace(hub, file=file)
        return Artefact(file, size, digest, hub, index)

    def _source(self, name: str, kind: type[T], table: Any) -> T | None:
        if table is None:
            return None
        try:
            source = kind(**table)
        except TypeError:
            known = _list({field.name for field in fields(kind)} - {"dataset"})
            raise self._wrong(name, f"the keys of a source are {known}") from None
        texts = [value for key, value in table.items() if key != "parts"]
        if not all(isinstance(text, str) and text.isprintable() for text in texts):
            raise self._wrong(name, f"{_list(table.keys() - {'parts'})} must be text")
        if isinstance(source, IndexParts):
            if type(source.parts) is not int or source.parts < 1:
                raise self._wrong(name, f"parts must be a positive number, not {source.parts!r}")
            try:
                source.requirement(source.parts), source.path(source.parts, "")
            except _NO_PATTERN:
                raise self._wrong(
                    name, "only {n}, and in member {file}, may stand in the patterns of index"
                ) from None
        return source

    def _wrong(self, name: str, what: str) -> InputError:
        return InputError(f"{self._path}: {name}: {what}", hint="the grammar is in docs/models.md")


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(x, dict) for x in value)


def _is_table_of(kind: type, value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(inner, kind) for inner in value.values())


def _fill(value: Any, chosen: Mapping[str, str]) -> Any:
    """`value` with `{axis}` replaced in every text in it."""
    if isinstance(value, str):
        return value.format(**chosen)
    if isinstance(value, dict):
        return {key: _fill(inner, chosen) for key, inner in value.items()}
    return value


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
