"""The catalogue: names of models and data sets, what is known of them, where they are.

Two TOML files of one grammar: the built-in `catalogue.toml` beside this module, and
the user's own, merged over it entry by entry. Families (name patterns over axes) are
expanded here, so that the rest of the store only ever sees entries.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from codelathe.core.errors import InputError, UnknownName
from codelathe.store.artefact import Artefact, HubFile, IndexParts

Format = Literal["gguf", "safetensors", "pytorch", "unknown"]
BUILT_IN = Path(__file__).with_name("catalogue.toml")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("about", "parameters", "type", "languages", "licence", "format", "file", "sha256")
_MODEL_KEYS = {*_TEXTS, "bytes", "hub", "index", "local"}
_DATA_KEYS = {"about", "licence", "file", "bytes", "sha256", "hub", "index"}
_FAMILY_KEYS = _MODEL_KEYS - {"file", "bytes", "sha256", "index", "local"} | {
    "name",
    "axes",
    "only",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One name, and where its bytes are, which exactly one of three fields says.

    `artefact` pinned by size and SHA-256; `hub` a repository, taken as found; `local` a
    path of the user's own, used in place. `family` is the pattern the name comes from.
    """

    name: str
    about: str = ""
    parameters: str = "unknown"
    type: str = "unknown"
    languages: str = "unknown"
    licence: str = "unknown"
    format: Format = "unknown"
    artefact: Artefact | None = None
    hub: HubFile | None = None
    local: str = ""
    family: str = ""


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
            name.lower(): read.entry(name, table, _DATA_KEYS)
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
    unknown = document.keys() - {"models", "datasets", "family"}
    if unknown:
        raise InputError(
            f"{path} has the unknown table {min(unknown)!r}",
            hint="the tables are [models.NAME], [datasets.NAME] and [[family]]",
        )
    return document


class _Reader:
    """Turns tables of one file into entries; every error names file, entry and key."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entry(self, name: str, table: Any, keys: set[str], family: str = "") -> Entry:
        if not isinstance(table, dict):
            raise self._wrong(name, "is not a table")
        for key in table:
            if key not in keys:
                raise self._wrong(name, f"has the unknown key {key!r} (known: {sorted(keys)})")
        for key in (*_TEXTS, "local"):
            if not isinstance(table.get(key, ""), str):
                raise self._wrong(name, f"{key} must be text")
        texts = {key: table[key] for key in _TEXTS[:6] if key in table}
        if texts.get("format", "unknown") not in ("gguf", "safetensors", "pytorch", "unknown"):
            raise self._wrong(name, f"format {texts['format']!r} is none of gguf, safetensors, "
                              "pytorch, unknown")  # fmt: skip
        entry = Entry(name.lower(), **texts, family=family)
        return self._placed(entry, table)

    def family(self, table: Mapping[str, Any]) -> Iterator[Entry]:
        """One entry for each combination of the axes."""
        name, axes, only = table.get("name", ""), table.get("axes", {}), table.get("only", {})
        if not name or not axes or not table.get("hub"):
            raise self._wrong(name or "[[family]]", "a family needs name, axes and hub")
        unknown = table.keys() - _FAMILY_KEYS
        if unknown:
            raise self._wrong(name, f"has the unknown key {min(unknown)!r}")
        shape = name.format(
            **{axis: "{" + ", ".join(map(str, v)) + "}" for axis, v in axes.items()}
        )
        common = {k: v for k, v in table.items() if k not in ("name", "axes", "only")}
        for values in itertools.product(*axes.values()):
            chosen = dict(zip(axes, values, strict=True))
            fields_ = common | {k: v for x in values for k, v in only.get(x, {}).items()}
            filled = _fill(fields_, chosen)
            filled["parameters"] = str(filled.get("parameters", "unknown")).replace("m", "M")
            filled["parameters"] = filled["parameters"].replace("b", "B")
            yield self.entry(name.format(**chosen), filled, _MODEL_KEYS, shape.lower())

    def _placed(self, entry: Entry, table: Mapping[str, Any]) -> Entry:
        hub = self._part(entry.name, HubFile, table.get("hub"))
        index = self._part(entry.name, IndexParts, table.get("index"))
        pinned = {"file", "bytes", "sha256"} & table.keys()
        if table.get("local") and not (pinned or hub or index):
            return _with(entry, local=table["local"])
        if hub and not pinned and not index:
            return _with(entry, hub=hub)
        if len(pinned) < 3:
            raise self._wrong(entry.name, "needs file, bytes and sha256 (all three); or only "
                              "hub; or only local")  # fmt: skip
        size, digest = table["bytes"], table["sha256"]
        if not isinstance(size, int) or size <= 0 or not _SHA256.fullmatch(digest):
            raise self._wrong(entry.name, "bytes is not a number, or sha256 not 64 hex digits")
        if Path(table["file"]).name != table["file"]:
            raise self._wrong(entry.name, f"file must be a bare name, not {table['file']!r}")
        if hub and not hub.file:
            hub = HubFile(hub.repository, hub.revision, table["file"])
        return _with(entry, artefact=Artefact(table["file"], size, digest, hub, index))

    def _part(self, name: str, kind: type[Any], table: Any) -> Any:
        if table is None:
            return None
        try:
            part = kind(**table)
        except TypeError:
            known = ", ".join(f.name for f in fields(kind))
            raise self._wrong(name, f"a source does not fit; its keys are: {known}") from None
        if kind is IndexParts:
            try:
                part.requirement(1), part.member.format(n=1), range(part.parts)
            except (KeyError, IndexError, ValueError, TypeError, AttributeError):
                raise self._wrong(name, "index: only {n} may stand in the patterns") from None
        return part

    def _wrong(self, name: str, what: str) -> InputError:
        return InputError(f"{self._path}: {name}: {what}", hint="the grammar is in docs/models.md")


def _with(entry: Entry, **changes: Any) -> Entry:
    import dataclasses

    return dataclasses.replace(entry, **changes)


def _fill(value: Any, chosen: Mapping[str, str]) -> Any:
    """`value` with `{axis}` replaced in every text in it."""
    if isinstance(value, str):
        return value.format(**chosen)
    if isinstance(value, dict):
        return {key: _fill(inner, chosen) for key, inner in value.items()}
    return value
